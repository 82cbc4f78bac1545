"""What does the training say of one episode? Its steps, maybe its frames, and its end."""

import math
import time
from time import perf_counter_ns
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from filmlab._camera import Camera, FrameLike
from filmlab._folder import AS_ITS_RUN, Printing
from filmlab.errors import BadInput
from filmlab.intake import FilmEnd
from filmlab.jsonable import document
from filmlab.reel import Reel
from filmlab.schedule import Decision
from filmlab.steps import plain_number
from filmlab.wholes import whole
from filmlab.wire.entries import EpisodeBegin, EpisodeEnd, encode_entry
from filmlab.wire.names import clean_text

if TYPE_CHECKING:
    from filmlab._seat import Seat


class Episode:
    """One episode, made by `run.episode()`. Belongs to one thread; use it in a `with` block, or call `end`.

    Leaving the block ends it; an exception that leaves it ends it as not complete. Nothing here raises into the
    training loop (see `init(strict=)`).
    """

    __slots__ = (
        "__weakref__", "_camera", "_decision", "_ended", "_length", "_meter", "_printing", "_return",
        "_seat", "about", "index",
    )  # fmt: skip

    def __init__(self, seat: "Seat", index: int, decision: Decision, printing: Printing = AS_ITS_RUN) -> None:
        self.index = index
        self.about: dict[str, Any] = {}
        """Metadata that stand in its JSON also when nobody ends it."""
        self._seat = seat
        self._decision = decision
        self._meter = seat.tally.meter
        self._length = 0
        self._return = 0.0
        self._ended = False
        self._printing = printing
        self._camera: Camera | None = None
        seat.episodes.add(self)
        if decision.capture:
            self._begin_film()

    @property
    def capturing(self) -> bool:
        """Whether frames are wanted: render only then."""
        return self._camera is not None and self._camera.running

    def step(self, action: Any = None, reward: float = 0.0, frame: FrameLike = None) -> None:
        """One step of the environment.

        Args:
            action: a number, an array (up to 8 KiB is kept) or anything that JSON can say.
            reward: counts towards the return; NaN and infinities are legal.
            frame: what is seen after the step: uint8 (H, W, 3) RGB, (H, W, 4) (alpha is dropped), (H, W, 1) or (H, W);
                or a function that gives it. Copied at once: the environment may go on drawing on it.
        """
        began = perf_counter_ns()
        camera = self._camera
        if camera is not None:
            camera.foreign_ns = 0
        try:
            if self._ended:
                self._late("step")
            else:
                self._length += 1
                value = reward if type(reward) is float else self._number(reward)
                if value is not None:
                    self._return += value
                if camera is not None and camera.running:
                    camera.shoot(frame, action, math.nan if value is None else value, is_step=True)
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            self._seat.failed("step", error)
        finally:
            foreign_ns = camera.foreign_ns if camera is not None else 0
            self._meter.add(perf_counter_ns() - began - foreign_ns)

    def count(self, reward: Any) -> None:
        """A step of which nothing is filmed; for integrations, whose every step comes here. Not timed: too short."""
        if type(reward) is not float:
            try:
                value = self._number(reward)
            except Exception as error:  # noqa: BLE001  # as in `step`
                self._seat.failed("step", error)
                value = None
            reward = 0.0 if value is None else value
        self._length += 1
        self._return += reward

    def frame(self, frame: FrameLike) -> None:
        """A frame that belongs to no step: what is seen after `reset`."""
        camera = self._camera
        if camera is None or not camera.running:
            return
        began, camera.foreign_ns = perf_counter_ns(), 0
        try:
            camera.shoot(frame)
        except Exception as error:  # noqa: BLE001  # as in `step`
            self._seat.failed("frame", error)
        finally:
            self._meter.add(perf_counter_ns() - began - camera.foreign_ns)

    def capture(self, reason: str = "asked for") -> None:
        """Film this episode from here on, whatever the schedule said. Nothing changes where it is being filmed."""
        if self._ended or self._camera is not None:
            return
        try:
            self._decision = Decision(True, False, reason)
            self._begin_film()
        except Exception as error:  # noqa: BLE001  # as in `step`
            self._seat.failed("capture", error)

    def cut(self) -> None:
        """End the film here; the episode goes on."""
        if self._camera is not None:
            self._camera.running = False

    def totals(self, return_: float, length: int) -> None:
        """What somebody else has counted, to be told in place of what was counted here.

        Raises:
            BadInput: these are no numbers.
        """
        try:
            counted = plain_number(return_)
        except Exception:  # noqa: BLE001  # a stranger's __float__ may raise anything: then it is no number
            raise BadInput(f"{self._label()}: its return is no number but {type(return_).__name__}") from None
        self._return, self._length = counted, whole("length", length)

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
            fps=self._printing.fps,
        )
        if self._printing.folder is not None:
            self._printing.folder.tell(self._seat, process, reel, self._printing.stem)
        self._seat.put(encode_entry(begin))
        self._camera = Camera(self._seat, reel, self._label())

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

    def _end(self, solved: bool | None, metadata: Any, *, complete: bool) -> None:
        """Say the totals. Whatever the arguments are, this is done once."""
        self._ended = True
        camera, self._camera = self._camera, None
        reel = camera.reel if camera is not None else None
        if not self._seat.ready("end"):
            return
        self._seat.tally.episodes += 1
        self._seat.episodes.discard(self)
        doc, complaint = document(metadata, "metadata")
        doc = self.about | doc
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
        self._camera = None

    def _late(self, what: str) -> None:
        self._seat.notices.warn(f"late-{what}", f"{self._label()}: {what} after its end; ignored")

    def _label(self) -> str:
        return f"run {self._seat.id}, episode {self.index}"
