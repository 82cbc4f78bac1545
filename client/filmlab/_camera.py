"""How is one film shot in the training's thread? Frame by frame, until it ends or can take no more."""

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from filmlab.errors import FilmlabError
from filmlab.frames import MOMENTS_MAX, BadFrame, Snapshot, is_unshared
from filmlab.intake import Shot
from filmlab.reel import Reel
from filmlab.steps import keep_action

if TYPE_CHECKING:
    from filmlab._seat import Seat

UNCOPIED_BYTES = 8 * 1024 * 1024
"""A frame that nobody else names is handed over without a copy while no more than this waits for the sender."""

FrameLike: TypeAlias = Any
"""An array, or a function without arguments that gives one: it is called only while the film is being shot."""


class Camera:
    """Shoots one film. Belongs to the thread that shoots.

    Args:
        label: whose film it is, for warnings.
        tiles: so many frames in a row are one moment.
    """

    __slots__ = ("_label", "_seat", "_tiles", "foreign_ns", "reel", "running")

    def __init__(self, seat: "Seat", reel: Reel, label: str, tiles: int = 1) -> None:
        self.reel = reel
        self.running = True
        """Whether frames are wanted."""
        self.foreign_ns = 0
        """Time since it was last set to 0 that was spent in the caller's own function for the frame."""
        self._seat = seat
        self._label = label
        self._tiles = tiles

    def shoot(self, frame: FrameLike, action: Any = None, reward: float = 0.0, *, is_step: bool = False) -> None:
        """Hand over one step of the film, or end the film where that cannot be."""
        reel, process = self.reel, self._seat.process
        if process is None or reel.dropped:
            self.running = False
            return
        try:
            taken = None if frame is None else self._take(frame)
        except BadFrame as error:
            self._end(str(error))
            return
        if reel.dropped:
            return
        kept, action_bytes = self._keep(action)
        shot = Shot(reel, taken, kept, reward, is_step, action_bytes=action_bytes)
        if taken is not None:
            shot.frame_bytes = taken.nbytes
            reel.frames += 1
            reel.handed_bytes += taken.nbytes
            self._seat.tally.film_frames += 1
            self._seat.tally.film_bytes += taken.nbytes
        process.intake.put_shot(shot)
        process.link.wake()

    def shoot_all(self, look: Callable[[], Sequence[Any]]) -> None:
        """Hand over one moment: all its tiles, or none."""
        try:
            frames = self._call(look)
            if len(frames) != self._tiles:
                raise BadFrame(f"came as {len(frames)} frames for {self._tiles} tiles")
        except BadFrame as error:
            self._end(str(error))
            return
        for frame in frames:
            if self.running:
                self.shoot(frame)

    def _take(self, frame: FrameLike) -> Snapshot | None:
        """A copy of the frame, or None where there is no room for it and the film was dropped."""
        is_ours = False
        if type(frame) is not np.ndarray and callable(frame):
            frame = self._call(frame)
            is_ours = is_unshared(frame)
        if self.reel.frames >= MOMENTS_MAX * self._tiles:
            raise BadFrame(f"is past the limit of {MOMENTS_MAX} frames for an episode")
        process = self._seat.process
        if process is None or not process.intake.film_room(getattr(frame, "nbytes", 0)):
            self._drop()
            return None
        # Frames of others lie on the heap, which keeps what lies between them: only few of them may wait there.
        is_few = process.intake.film_bytes < UNCOPIED_BYTES
        return self.reel.shutter.take(frame, keep_it=is_ours and is_few)

    def _call(self, function: Callable[[], Any]) -> Any:
        """What the caller's function gives. Its time is the caller's own."""
        began = perf_counter_ns()
        try:
            return function()
        except FilmlabError:
            raise
        except Exception as error:  # the film is not worth the training: say it, and go on without
            raise BadFrame(f"could not be rendered: {type(error).__name__}: {error}") from error
        finally:
            self.foreign_ns += perf_counter_ns() - began

    def _keep(self, action: Any) -> tuple[Any, int]:
        try:
            return keep_action(action)
        except ValueError as error:
            self._seat.notices.warn("action", f"{self._label}: {error}; it is left out")
            return None, 0

    def _end(self, reason: str) -> None:
        """The film ends before this frame and is developed; what it is of goes on."""
        self.running = False
        self.reel.ended_by = f"{self._label}: frame {self.reel.frames} {reason}"
        self._seat.notices.warn("film-ended", f"{self.reel.ended_by}; its film ends there")

    def _drop(self) -> None:
        """There is no memory left: all of this film goes, rather than some of its frames."""
        self.running = False
        self._seat.drop_film(self.reel, self._label)
