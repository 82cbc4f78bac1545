"""How large is a picture? As the first bytes of its file say: no decoder is loaded, and nothing is decoded."""


def picture_size(head: bytes) -> tuple[int, int] | None:
    """(width, height) in px of a PNG, a GIF or a WebP by its first 30 bytes, of a JPEG by more; None for anything else.

    Source: PNG specification, IHDR; GIF89a, section 18; WebP container specification, VP8, VP8L and VP8X chunks;
    ITU T.81 (JPEG), annex B.
    """
    if len(head) < 30:
        return None
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    if head.startswith(b"\xff\xd8"):
        return _jpeg_size(head)
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


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """As its first frame header says, which stands behind any number of other segments."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        # C0 to CF begin a frame, but for the tables among them: Huffman, reserved, arithmetic.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(head[at + 7 : at + 9], "big"), int.from_bytes(head[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None
