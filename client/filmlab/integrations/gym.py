"""How does a Gymnasium environment record itself? A wrapper with the arguments of Gymnasium's own `RecordVideo`."""

import gc
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, SupportsFloat, TypeVar

import gymnasium

from filmlab._episode import Episode
from filmlab._run import Run
from filmlab.integrations._place import DEFAULT_PREFIX, Place, check_arguments, check_render_mode, rate_of
from filmlab.integrations._take import Take

if TYPE_CHECKING:
    from filmlab.integrations.gym_vector import RecordVectorEpisodes

ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")


class RecordEpisodes(
    gymnasium.Wrapper[ObsType, ActType, ObsType, ActType],
    gymnasium.utils.RecordConstructorArgs,
    Generic[ObsType, ActType],
):
    """Records every episode's return and length, and film of those that are captured.

    The arguments of `RecordVideo` mean what they mean there, with these differences: nothing is encoded here, and
    nothing is ever overwritten; the last film is there also without `close`; a reset that no step follows is no
    episode. The environment is never seeded, and rendered only while a film is shot. A frame that cannot be taken
    ends the film, not the training. Vector environments: `RecordVectorEpisodes`.

    Args:
        env: renders arrays (`rgb_array` or `rgb_array_list`).
        video_folder: gets `{name_prefix}-episode-{n}.mp4` and `.gif` (`-step-{n}` of films that a step began), and
            nothing else; where a name is taken, `-<run's id>` stands behind it. None: films are printed in the run's
            directory.
        episode_trigger: called with the episode's number; True films it. Without a trigger the run's schedule decides
            (cubic as in RecordVideo, unless `init(schedule=…)` said otherwise).
        step_trigger: called with the number of steps taken in all; True begins a film there, to its episode's end.
        video_length: films go on for so many steps, also over the ends of episodes; 0: to their episode's end.
        name_prefix: what the names of films begin with.
        fps: of the films; None: what the environment's metadata say, else 30.
        disable_logger: taken for `RecordVideo`'s sake; there is no logger.
        gc_trigger: called with the episode's number when it is over; True collects garbage. None: never.
        run: the run to record to; None: the one that `filmlab.init` began last, else one of the wrapper's own.

    Raises:
        BadInput: the environment renders no arrays, or an argument cannot be used.
    """

    def __init__(
        self,
        env: gymnasium.Env[ObsType, ActType],
        video_folder: str | os.PathLike[str] | None = None,
        episode_trigger: Callable[[int], bool] | None = None,
        step_trigger: Callable[[int], bool] | None = None,
        video_length: int = 0,
        name_prefix: str = DEFAULT_PREFIX,
        fps: int | None = None,
        disable_logger: bool = True,
        gc_trigger: Callable[[int], bool] | None = None,
        *,
        run: Run | None = None,
    ) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,
            video_folder=video_folder,
            episode_trigger=episode_trigger,
            step_trigger=step_trigger,
            video_length=video_length,
            name_prefix=name_prefix,
            fps=fps,
            disable_logger=disable_logger,
            gc_trigger=gc_trigger,
        )
        gymnasium.Wrapper.__init__(self, env)
        check_render_mode(env.render_mode)
        check_arguments(
            run, video_folder, name_prefix, video_length,
            episode_trigger=episode_trigger, step_trigger=step_trigger, gc_trigger=gc_trigger,
        )  # fmt: skip
        self.frames_per_sec = rate_of(fps, self.metadata)
        self.name_prefix, self.video_length, self.gc_trigger = name_prefix, video_length, gc_trigger
        self.step_id = self.episode_id = -1
        self.render_history: list[Any] = []
        """Frames of a list that a film took, for whoever calls `render`. No more than of one episode."""
        self._keeps_list = False
        """The environment below gives its list again and again: there is nothing to give back."""
        self._resets_itself = _has_wrapper(env, "Autoreset")
        """With the step that follows an episode's end."""
        self._resets_at_once = _has_wrapper(env, "AutoResetWrapper")
        """With the step that ends an episode, as before Gymnasium 1.0."""
        self._over = False
        """The last episode has ended, and the environment was not reset since."""
        self._fresh = False
        """The environment was reset, and no step has been taken since."""
        self._episode: Episode | None = None
        self._place = Place(run, video_folder, name_prefix, self.frames_per_sec)
        self.video_folder = self._place.folder.directory if self._place.folder is not None else None
        self._take = Take(self._place, episode_trigger, step_trigger, video_length)

    @property
    def run(self) -> Run:
        """What is recorded to."""
        return self._place.run

    @property
    def recording(self) -> bool:
        """Whether frames are being taken."""
        return self._take.clip is not None or (self._episode is not None and self._episode.capturing)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the environment. An episode that is open ends as not complete."""
        result = self.env.reset(seed=seed, options=options)
        self._safely(self._was_reset)
        return result

    def step(self, action: ActType) -> tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and record what came of it."""
        if self._fresh:
            self._safely(self._begin)
        result = self.env.step(action)
        self.step_id += 1
        try:
            self._stepped(action, result)
        except Exception as error:  # noqa: BLE001  # as in `_safely`, which would cost more in each step
            self._failed(error)
        return result

    def render(self) -> Any:
        """What the environment renders; frames of a list that a film took are still in it."""
        found = self.env.render()
        history, self.render_history = self.render_history, []
        return history + found if history and isinstance(found, list) else found

    def start_recording(self, video_name: str) -> None:
        """Begin a film of this name now, as `RecordVideo.start_recording` does; the one before ends."""
        if self._episode is not None:
            self._episode.cut()
        self._safely(lambda: self._take.start(video_name, self.step_id, "start_recording"))

    def stop_recording(self) -> None:
        """End the film that is being shot."""
        if self._episode is not None:
            self._episode.cut()
        self._take.stop()

    def close(self) -> None:
        """Close the environment, and finish a run that is the wrapper's own. An open episode ends as not complete."""
        super().close()
        self._safely(self._leave)
        self._take.stop()
        self._place.close()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _safely(self, record: Callable[[], None]) -> None:
        """Nothing of ours ends a training, whatever a trigger or a strange environment does; `strict` raises."""
        try:
            record()
        except Exception as error:  # noqa: BLE001  # as said
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self.run._seat.failed("RecordEpisodes", error)

    def _stepped(self, action: ActType, result: tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]) -> None:
        episode, take = self._episode, self._take
        if take.step_trigger is not None:
            take.triggered(self.step_id, episode)
        if episode is None:
            if self._over and self._resets_itself:
                self._was_reset()
            return
        _, reward, terminated, truncated, info = result
        if episode.capturing:
            episode.step(action, reward, self._render)  # type: ignore[arg-type]  # `step` makes a float of it
        else:
            episode.count(reward)
            if take.clip is not None:
                take.shoot(self._look)
        if terminated or truncated:
            self._end(episode, bool(terminated), bool(truncated), info)

    def _was_reset(self) -> None:
        self._leave()
        self.render_history = []
        if not self._fresh:
            self.episode_id += 1
        self._fresh, self._over = True, False

    def _begin(self) -> None:
        """An episode begins with its first step, so that a reset for the seed's sake is none."""
        self._fresh = False
        number = self.episode_id
        decision, filmed = self._take.begin(number, self.step_id + 1, self._look, index=number)
        self._episode = filmed or self.run.episode(number, capture=decision)

    def _end(self, episode: Episode, terminated: bool, truncated: bool, info: dict[str, Any]) -> None:
        self._episode, self._over = None, True
        metadata: dict[str, Any] = {"terminated": terminated, "truncated": truncated}
        stats = info.get("episode")
        if isinstance(stats, dict):
            metadata |= told_by(stats, episode)
        episode.end(metadata=metadata)
        self._is_over()
        if self._resets_at_once:
            self._was_reset()

    def _leave(self) -> None:
        """The episode goes no further, wherever it stands."""
        episode, self._episode = self._episode, None
        if episode is not None:
            episode.leave()
            self._is_over()

    def _is_over(self) -> None:
        self._take.over()
        if self.gc_trigger is not None and self.gc_trigger(self.episode_id):
            gc.collect()

    def _look(self) -> Sequence[Any]:
        return (self._render(),)

    def _render(self) -> Any:
        """The frame of this moment."""
        found = self.env.render()
        if not isinstance(found, list):
            return found
        history = self.render_history
        if history and found and found[0] is history[0]:
            self._keeps_list, self.render_history = True, []
        elif not self._keeps_list:
            history += found
        return found[-1] if found else None


def told_by(stats: dict[str, Any], episode: Episode) -> dict[str, Any]:
    """What `RecordEpisodeStatistics` says of an episode becomes its totals; its time is returned as metadata."""
    try:
        episode.totals(float(stats["r"]), int(stats["l"]))
        return {"time_s": float(stats["t"])}
    except Exception:  # noqa: BLE001  # something else is called `episode` there: what was counted here stands
        return {}


def _has_wrapper(env: gymnasium.Env[Any, Any], name: str) -> bool:
    """Whether a wrapper of Gymnasium's own of this name is below; not every version has each."""
    kind = getattr(gymnasium.wrappers, name, None)
    while kind is not None and isinstance(env, gymnasium.Wrapper):
        if isinstance(env, kind):
            return True
        env = env.env
    return False


def __getattr__(name: str) -> Any:
    """What is for vector environments is loaded when it is asked for: before 1.0, Gymnasium had other ones."""
    if name != "RecordVectorEpisodes":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from filmlab.integrations.gym_vector import RecordVectorEpisodes
    except ImportError as error:
        version = gymnasium.__version__
        raise ImportError(f"RecordVectorEpisodes needs gymnasium 1.0 or newer, this is {version}: {error}") from error
    return RecordVectorEpisodes


__all__ = ["RecordEpisodes", "RecordVectorEpisodes"]
