"""How large is a picture? As the first bytes of its file say: no decoder is loaded, and nothing is decoded."""


def picture_size(head: bytes) -> tuple[int, int] | None:
    """(width, height) in px of a PNG, a GIF or a WebP by its first 30 bytes; None for anything else.

    Source: PNG specification, IHDR; GIF89a, section 18; WebP container specification, VP8, VP8L and VP8X chunks.
    """
    if len(head) < 30:
        return None
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    match head[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
        case b"VP8L":
            # One byte of signature, then 14 bits of each side less one.
            sides = int.from_bytes(head[21:25], "little")
            return 1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF)
        case b"VP8 ":
            # Behind the frame's tag and start code: 14 bits of each side, 2 of scaling.
            return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return None
