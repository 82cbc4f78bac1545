"""What is shot without belonging to an episode? A clip: it may span several, or show several environments at once."""

import time
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from filmlab._camera import Camera
from filmlab._folder import Printing
from filmlab.intake import FilmEnd
from filmlab.reel import Reel
from filmlab.wire.entries import NO_EPISODE, ClipBegin, Media, encode_entry
from filmlab.wire.names import clean_text

if TYPE_CHECKING:
    from filmlab._seat import Seat


class Clip:
    """One clip of a run, shot moment by moment until `end`. Belongs to one thread; nothing here raises into it.

    Args:
        seat: the run's.
        name: what it is called; the same name again is another clip.
        step: of the training, when it begins.
        tiles: how many frames `shoot` is given each time; they are shown side by side.
        aspect: width by height that the picture of all tiles should come near.
    """

    __slots__ = ("__weakref__", "_camera", "_ended", "_fps", "_name", "_seat", "_step", "moments")

    def __init__(
        self,
        seat: "Seat",
        name: str,
        *,
        step: int,
        reason: str,
        printing: Printing,
        tiles: int = 1,
        aspect: float = 1.0,
    ) -> None:
        self.moments = 0
        """How many were taken."""
        self._seat = seat
        self._name, self._step, self._fps = clean_text(name), step, printing.fps or seat.options.fps
        self._ended = False
        self._camera: Camera | None = None
        try:
            if seat.ready("clip") and not seat.tally.refused:
                self._begin(reason, printing, tiles, aspect)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            seat.failed("clip", error)

    @property
    def capturing(self) -> bool:
        """Whether frames are wanted: render only then."""
        return self._camera is not None and self._camera.running

    def shoot(self, look: Callable[[], Sequence[Any]]) -> None:
        """One moment. `look` gives as many frames as the clip has tiles; it is called only while the clip runs."""
        camera = self._camera
        if camera is None or not camera.running:
            return
        began, camera.foreign_ns = perf_counter_ns(), 0
        try:
            camera.shoot_all(look)
            self.moments += camera.running
        except Exception as error:  # noqa: BLE001  # as above
            self._seat.failed("frame", error)
        finally:
            self._seat.tally.meter.add(perf_counter_ns() - began - camera.foreign_ns)

    def end(self) -> None:
        """It is over, and developed. Idempotent."""
        if self._ended:
            return
        self._ended = True
        try:
            self._end()
        except Exception as error:  # noqa: BLE001  # as above
            self._seat.failed("end", error)

    leave = end
    """A run that is over ends its clips."""

    def __del__(self) -> None:
        # A copy in a forked child that nobody uses there must not begin a session.
        if not getattr(self, "_ended", True) and not self._seat.away:
            self.end()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _begin(self, reason: str, printing: Printing, tiles: int, aspect: float) -> None:
        process = self._seat.process
        if process is None:
            return
        reel = Reel(next(process.film_numbers), self._seat.tally.number, NO_EPISODE, time.time())
        reel.announced = True
        begin = ClipBegin(
            run=reel.run, wall=reel.wall, step=self._step, film=reel.number, name=self._name,
            reason=clean_text(reason), fps=self._fps, tiles=tiles, aspect=aspect,
        )  # fmt: skip
        if printing.folder is not None:
            printing.folder.tell(self._seat, process, reel, printing.stem)
        self._seat.put(encode_entry(begin))
        self._camera = Camera(self._seat, reel, f"run {self._seat.id}, {self._name}", tiles)
        self._seat.episodes.add(self)

    def _end(self) -> None:
        camera, self._camera = self._camera, None
        self._seat.episodes.discard(self)
        process = self._seat.process if camera is not None and self._seat.ready("end") else None
        if camera is None or process is None:
            return
        reel = camera.reel
        entry = Media(
            run=reel.run, wall=time.time(), step=self._step, name=self._name, mime="video/frames", film=reel.number,
            fps=self._fps,
        )  # fmt: skip
        self._seat.tally.films_begun += not reel.dropped
        process.intake.put_end(FilmEnd(reel, entry))
        process.link.wake()

    def _detach(self) -> None:
        """The session is another one now: what was shot belongs to the former."""
        self._camera = None
