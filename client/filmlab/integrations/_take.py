"""What is being recorded of an environment? One film at a time, begun and ended as `RecordVideo` does.

A film of a whole episode is that episode's own. One that begins at a step, or has a length, may span several: it is a
clip.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from filmlab._clip import Clip
from filmlab._episode import Episode
from filmlab.integrations._place import Place
from filmlab.schedule import Decision

Trigger = Callable[[int], bool]
Look = Callable[[], Sequence[Any]]
"""Renders: a frame for each tile."""


class Take:
    """The films of one environment, or of several that are shown side by side.

    Args:
        episode_trigger: called with an episode's number; True begins a film. None, and no step_trigger: the run's
            schedule decides.
        step_trigger: called with the number of steps taken in all; True begins a film there.
        video_length: a film goes on for so many steps, whatever ends meanwhile; 0: to its episode's end.
        mark: stands in the names of the films, such as `env-3-`.
        tiles: how many environments it shows; one film of several is always a clip.
        aspect: width by height that the picture of all tiles should come near.
    """

    def __init__(
        self,
        place: Place,
        episode_trigger: Trigger | None,
        step_trigger: Trigger | None,
        video_length: int,
        *,
        mark: str = "",
        tiles: int = 1,
        aspect: float = 1.0,
    ) -> None:
        self.place = place
        self.clip: Clip | None = None
        self.step_trigger = step_trigger
        self._episode_trigger = episode_trigger
        self._length = video_length
        self._mark = mark
        self.tiles, self._aspect = tiles, aspect
        self._films_episodes = not video_length and tiles == 1

    def begin(self, number: int, step_id: int, look: Look, index: int | None = None) -> tuple[Decision, Episode | None]:
        """An episode begins, and maybe a film with it.

        Args:
            number: of the episode, as triggers and names have it.
            step_id: of the step that comes next.
            look: renders what is seen before that step.
            index: the episode's number in the run; None: the next.

        Returns:
            Why there is a film or none, and the episode, when the film is its own.
        """
        decision = self._decide(number)
        if decision.capture and self._films_episodes:
            self.stop()
            printing = self.place.printing(self.place.name(f"{self._mark}episode-{number}"))
            episode = self.place.run.episode(index, capture=decision, printing=printing)
            episode.frame(lambda: look()[0])
            return decision, episode
        if decision.capture and not decision.provisional:
            self.start(self.place.name(f"{self._mark}episode-{number}"), step_id, decision.reason)
        self.shoot(look)
        return replace(decision, capture=False), None

    def _decide(self, number: int) -> Decision:
        run = self.place.run
        if self._episode_trigger is not None:
            wanted = self._asks("episode_trigger", self._episode_trigger, number)
            return run.decide(number, wanted, "episode_trigger" if wanted else "")
        return run.decide(number, None if self.step_trigger is None else False)

    def triggered(self, step_id: int, episode: Episode | None) -> None:
        """A step was taken: maybe a film begins here; one of the episode ends before it."""
        if self.step_trigger is not None and self._asks("step_trigger", self.step_trigger, step_id):
            if episode is not None:
                episode.cut()
            self.start(self.place.name(f"{self._mark}step-{step_id}"), step_id, "step_trigger")

    def _asks(self, what: str, trigger: Trigger, number: int) -> bool:
        """Whether a trigger wants a film; one with a bug wants none, and its episode counts all the same."""
        try:
            return bool(trigger(number))
        except Exception as error:  # noqa: BLE001  # nothing raises into a training; strict raises in `failed`
            self.place.run._seat.failed(what, error)
            return False

    def start(self, name: str, step_id: int, reason: str) -> None:
        """A clip begins; the one before ends."""
        self.stop()
        printing = self.place.printing(name)
        self.clip = Clip(
            self.place.run._seat, name, step=max(0, step_id), reason=reason, printing=printing,
            tiles=self.tiles, aspect=self._aspect,
        )  # fmt: skip

    def shoot(self, look: Look) -> None:
        """One moment for the clip, if there is one."""
        clip = self.clip
        if clip is None:
            return
        clip.shoot(look)
        # One more than its length, as RecordVideo has it: what is seen before the first step counts for none.
        if not clip.capturing or 0 < self._length < clip.moments:
            self.stop()

    def over(self) -> None:
        """The episode is over, or was left: a clip without a length goes no further."""
        if not self._length:
            self.stop()

    def stop(self) -> None:
        """The clip ends."""
        clip, self.clip = self.clip, None
        if clip is not None:
            clip.end()
