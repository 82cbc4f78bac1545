"""What does the training say of one episode? Its steps, maybe its frames, and its end."""

import math
import time
from collections.abc import Callable
from time import perf_counter_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from filmlab.errors import BadInput, FilmlabError
from filmlab.frames import BadFrame, Snapshot
from filmlab.intake import FilmEnd, Shot
from filmlab.jsonable import document
from filmlab.reel import Reel
from filmlab.schedule import Decision
from filmlab.steps import keep_action, plain_number
from filmlab.wire.chunks import FRAMES_MAX
from filmlab.wire.entries import Dropped, EpisodeBegin, EpisodeEnd, encode_entry
from filmlab.wire.names import clean_text

if TYPE_CHECKING:
    from filmlab._seat import Seat

FrameLike: TypeAlias = Any
"""An array, or a function without arguments that gives one: it is called only while `capturing`."""


class Episode:
    """One episode, made by `run.episode()`. Belongs to one thread; use it in a `with` block, or call `end`.

    Leaving the block ends it; an exception that leaves it ends it as not complete. Nothing here raises into the
    training loop (see `init(strict=)`).
    """

    __slots__ = (
        "__weakref__", "_decision", "_ended", "_foreign_ns", "_length", "_meter", "_reel", "_return", "_seat",
        "_shooting", "index",
    )  # fmt: skip

    def __init__(self, seat: "Seat", index: int, decision: Decision) -> None:
        self.index = index
        self._seat = seat
        self._decision = decision
        self._meter = seat.tally.meter
        self._length = 0
        self._return = 0.0
        self._ended = False
        self._reel: Reel | None = None
        self._shooting = False
        self._foreign_ns = 0
        """Time of this call that was spent in the caller's own function for the frame."""
        seat.episodes.add(self)
        if decision.capture:
            self._begin_film()

    @property
    def capturing(self) -> bool:
        """Whether frames are wanted: render only then."""
        return self._shooting

    def step(self, action: Any = None, reward: float = 0.0, frame: FrameLike = None) -> None:
        """One step of the environment.

        Args:
            action: a number, an array (up to 8 KiB is kept) or anything that JSON can say.
            reward: counts towards the return; NaN and infinities are legal.
            frame: what is seen after the step: uint8 (H, W, 3) RGB, (H, W, 4) (alpha is dropped), (H, W, 1) or (H, W);
                or a function that gives it. Copied at once: the environment may go on drawing on it.
        """
        began = perf_counter_ns()
        self._foreign_ns = 0
        try:
            if self._ended:
                self._late("step")
            else:
                self._length += 1
                value = reward if type(reward) is float else self._number(reward)
                if value is not None:
                    self._return += value
                if self._shooting:
                    self._shoot(frame, action, math.nan if value is None else value, is_step=True)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            self._seat.failed("step", error)
        finally:
            self._meter.add(perf_counter_ns() - began - self._foreign_ns)

    def frame(self, frame: FrameLike) -> None:
        """A frame that belongs to no step: what is seen after `reset`."""
        if not self._shooting:
            return
        began = perf_counter_ns()
        self._foreign_ns = 0
        try:
            self._shoot(frame, None, 0.0, is_step=False)
        except Exception as error:  # noqa: BLE001  # as in `step`
            self._seat.failed("frame", error)
        finally:
            self._meter.add(perf_counter_ns() - began - self._foreign_ns)

    def capture(self, reason: str = "asked for") -> None:
        """Film this episode from here on, whatever the schedule said. Nothing changes where it is being filmed."""
        if self._ended or self._reel is not None:
            return
        try:
            self._decision = Decision(True, False, reason)
            self._begin_film()
        except Exception as error:  # noqa: BLE001  # as in `step`
            self._seat.failed("capture", error)

    def cut(self) -> None:
        """End the film here; the episode goes on."""
        self._shooting = False

    def end(self, solved: bool | None = None, metadata: Any = None) -> None:
        """The episode is over.

        Args:
            solved: whether it counts as solved, if that means something here.
            metadata: a mapping that JSON can say; goes into the episode's JSON.
        """
        began = perf_counter_ns()
        try:
            if self._ended:
                self._late("end")
            else:
                self._end(None if solved is None else bool(solved), metadata, complete=True)
        except Exception as error:  # noqa: BLE001  # as in `step`
            self._seat.failed("end", error)
        finally:
            self._meter.add(perf_counter_ns() - began)

    def leave(self) -> None:
        """The loop leaves the episode before its end: it counts as not complete."""
        self._leave(complete=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(complete=kind is None)

    def __del__(self) -> None:
        # A copy in a forked child that nobody uses there must not begin a session.
        if not getattr(self, "_ended", True) and not self._seat.away:
            self._leave(complete=False)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _begin_film(self) -> None:
        process = self._seat.process
        if process is None:
            return
        wall = time.time()
        reel = Reel(next(process.film_numbers), self._seat.tally.number, self.index, wall, self._length)
        begin = EpisodeBegin(
            run=reel.run,
            wall=wall,
            episode=self.index,
            film=reel.number,
            reason=clean_text(self._decision.reason),
            provisional=self._decision.provisional,
            plan_version=self._seat.plan_version,
        )
        self._seat.put(encode_entry(begin))
        self._reel, self._shooting = reel, True

    def _shoot(self, frame: FrameLike, action: Any, reward: float, *, is_step: bool) -> None:
        """Hand over one step of the film, or end the film where that cannot be."""
        reel, process = self._reel, self._seat.process
        if reel is None or process is None or reel.dropped:
            self._shooting = False
            return
        try:
            taken = None if frame is None else self._take(reel, frame)
        except BadFrame as error:
            self._end_film(reel, str(error))
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

    def _take(self, reel: Reel, frame: FrameLike) -> Snapshot | None:
        """A copy of the frame, or None where there is no room for it and the film was dropped."""
        if type(frame) is not np.ndarray and callable(frame):
            frame = self._call(frame)
        if reel.frames >= FRAMES_MAX:
            raise BadFrame(f"is past the limit of {FRAMES_MAX} frames for an episode")
        process = self._seat.process
        if process is None or not process.intake.film_room(getattr(frame, "nbytes", 0)):
            self._drop_film(reel)
            return None
        return reel.shutter.take(frame)

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
            self._foreign_ns = perf_counter_ns() - began

    def _number(self, reward: Any) -> float | None:
        """A step's reward; None for what is no number: the step is still there, and its frame is too."""
        try:
            return plain_number(reward)
        except Exception:  # noqa: BLE001  # a stranger's __float__ may raise anything: then it is no number
            self._seat.notices.warn(
                "reward",
                f"{self._label()}: a reward is no number but {type(reward).__name__}; "
                "the step counts, its reward does not",
            )
            return None

    def _keep(self, action: Any) -> tuple[Any, int]:
        try:
            return keep_action(action)
        except ValueError as error:
            self._seat.notices.warn("action", f"{self._label()}: {error}; it is left out")
            return None, 0

    def _end_film(self, reel: Reel, reason: str) -> None:
        """The film ends before this frame and is developed; the episode goes on."""
        self._shooting = False
        reel.ended_by = f"{self._label()}: frame {reel.frames} {reason}"
        self._seat.notices.warn("film-ended", f"{reel.ended_by}; its film ends there")

    def _drop_film(self, reel: Reel) -> None:
        """There is no memory left: all of this film goes, rather than some of its frames."""
        self._shooting = False
        tally = self._seat.tally
        reason = "over memory_bytes: frames came faster than they could be handed on"
        if not tally.drop_film(reel, reason):
            return
        dropped = Dropped(
            run=reel.run, wall=time.time(), episode=self.index, what="film", count=1, size_bytes=reel.handed_bytes,
            reason=reason,
        )  # fmt: skip
        self._seat.put(encode_entry(dropped))
        self._seat.notices.warn("film-dropped", f"{self._label()}: its film is dropped: {reason}")

    def _end(self, solved: bool | None, metadata: Any, *, complete: bool) -> None:
        """Say the totals. Whatever the arguments are, this is done once."""
        self._ended, self._shooting = True, False
        reel, self._reel = self._reel, None
        if not self._seat.ready("end"):
            return
        self._seat.tally.episodes += 1
        self._seat.episodes.discard(self)
        doc, complaint = document(metadata, "metadata")
        entry = EpisodeEnd(
            run=self._seat.tally.number if reel is None else reel.run,
            wall=time.time(),
            episode=self.index,
            return_=self._return,
            length=self._length,
            solved=solved,
            film=reel.number if reel is not None else 0,
            metadata=doc,
            reason=clean_text(self._decision.reason),
            complete=complete,
        )
        process = self._seat.process
        if reel is not None and process is not None:
            self._seat.tally.films_begun += not self._decision.provisional and not reel.dropped
            process.intake.put_end(FilmEnd(reel, entry))
            process.link.wake()
        else:
            self._seat.put_metrics(encode_entry(entry))
        if complaint:
            self._seat.notices.warn("metadata", f"{self._label()}: {complaint}")

    def _leave(self, *, complete: bool) -> None:
        if self._ended:
            return
        try:
            self._end(None, None, complete=complete)
        except Exception as error:  # noqa: BLE001  # as in `step`
            self._seat.failed("end", error)

    def _detach(self) -> None:
        """The session is another one now: what was shot belongs to the former."""
        self._reel, self._shooting = None, False

    def _late(self, what: str) -> None:
        self._seat.notices.warn(f"late-{what}", f"{self._label()}: {what} after its end; ignored")

    def _label(self) -> str:
        return f"run {self._seat.id}, episode {self.index}"


def check_index(index: Any) -> int:
    """An episode's number. Raises BadInput unless it is a whole number from 0."""
    try:
        value = index.__index__()
    except AttributeError:
        raise BadInput(f"episode: a whole number from 0, got {type(index).__name__}") from None
    if isinstance(index, bool) or not 0 <= value < 2**53:
        raise BadInput(f"episode: a whole number from 0, got {value}")
    return int(value)
