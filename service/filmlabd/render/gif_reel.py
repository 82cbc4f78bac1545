"""The images of a GIF in their order: each waits for its successor to know its delay; the most used table is global."""

from __future__ import annotations

from filmlabd.render import gif_container, palette
from filmlabd.render.gif_container import Image
from filmlabd.render.gif_ticks import MIN_DELAY_CS
from filmlabd.render.palette import Colours


class Reel:
    """Encoded images and the ticks at which they appear; which table is global is settled at the end.

    Attributes:
        size_bytes: of the image data so far: the file will be larger.
    """

    def __init__(self, width_px: int, height_px: int) -> None:
        self._width_px = width_px
        self._height_px = height_px
        self._images: list[tuple[int, Image]] = []
        self._tables: dict[int, Colours] = {}
        self._uses: dict[int, int] = {}
        self.size_bytes = 0

    def add(self, start_cs: int, image: Image) -> None:
        """Show `image` from this tick on; ticks ascend, the first is 0."""
        self._images.append((start_cs, image))
        self.size_bytes += len(image.data)
        self._tables[image.table] = image.colours
        self._uses[image.table] = self._uses.get(image.table, 0) + 1

    def finish(self, end_cs: int) -> bytes:
        """The file; its last image lasts until this tick."""
        # An image that would begin right before the end, where ends are rounded, has no time that a browser would keep.
        latest_cs = max(0, end_cs - MIN_DELAY_CS)
        shown = [(start_cs, image) for start_cs, image in self._images if start_cs <= latest_cs]
        tables = {number: palette.unpack(colours) for number, colours in self._tables.items()}
        widely_used = max(self._uses, key=lambda number: self._uses[number] * len(tables[number]))
        parts = [gif_container.header(self._width_px, self._height_px, tables[widely_used])]
        ends_cs = [*(start_cs for start_cs, _ in shown[1:]), end_cs]
        for (start_cs, image), until_cs in zip(shown, ends_cs, strict=True):
            local = None if image.table == widely_used else tables[image.table]
            parts += gif_container.shown(image, local, until_cs - start_cs)
        parts.append(gif_container.TRAILER)
        return b"".join(parts)
