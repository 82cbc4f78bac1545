"""How does a Gymnasium environment record itself? A wrapper with the arguments of Gymnasium's own `RecordVideo`."""

import gc
import os
from collections.abc import Callable
from typing import Any, Generic, SupportsFloat, TypeVar

import gymnasium

import filmlab
from filmlab._episode import Episode
from filmlab._run import Run
from filmlab.errors import BadInput

ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")

_DEFAULT_PREFIX = "rl-video"


class RecordEpisodes(
    gymnasium.Wrapper[ObsType, ActType, ObsType, ActType],
    gymnasium.utils.RecordConstructorArgs,
    Generic[ObsType, ActType],
):
    """Records every episode's return and length, and the frames of those that are captured. Single environments only.

    The arguments of `RecordVideo` mean what they mean there, with these differences: films become GIFs in the run's
    directory; without a trigger the run's own schedule decides (cubic, unless `init(schedule=…)` said otherwise); a
    film never spans two episodes; a reset that no step follows is no episode. The environment is never seeded,
    and rendered only while an episode is captured. A frame that cannot be taken ends the film, not the training.

    Args:
        env: renders arrays (`rgb_array` or `rgb_array_list`).
        video_folder: where a run of this wrapper's own goes (its `dir`); None with `run`, or to use the run that
            `filmlab.init` began last (one is begun where there is none).
        episode_trigger: called with the episode's number; True captures it.
        step_trigger: called with the number of steps taken in all; True captures the episode from there on.
        video_length: at most so many frames to a film; 0: the whole episode.
        name_prefix: the name of a run of this wrapper's own.
        fps: of a run of this wrapper's own; None: what the environment's metadata say, else 30.
        disable_logger: taken for `RecordVideo`'s sake; there is no logger.
        gc_trigger: called with the episode's number at its end; True collects garbage. None: never.
        run: the run to record to.

    Raises:
        BadInput: the environment renders no arrays, or both `run` and `video_folder` are given.
    """

    def __init__(
        self,
        env: gymnasium.Env[ObsType, ActType],
        video_folder: str | os.PathLike[str] | None = None,
        episode_trigger: Callable[[int], bool] | None = None,
        step_trigger: Callable[[int], bool] | None = None,
        video_length: int = 0,
        name_prefix: str = _DEFAULT_PREFIX,
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
        if env.render_mode in {None, "human", "ansi"}:
            raise BadInput(
                f"render_mode is {env.render_mode!r}, which gives no frames: make the environment with "
                "render_mode='rgb_array'"
            )
        if run is not None and video_folder is not None:
            raise BadInput("video_folder is for a run of the wrapper's own; with run= the run's directory is used")
        self.frames_per_sec = float(fps if fps is not None else self.metadata.get("render_fps") or 30)
        self.name_prefix, self.video_length = name_prefix, video_length
        self.episode_trigger, self.step_trigger, self.gc_trigger = episode_trigger, step_trigger, gc_trigger
        self.step_id = self.episode_id = -1
        self.render_history: list[Any] = []
        self._episode: Episode | None = None
        self._fresh = False
        """The environment was reset, and no step has been taken since."""
        self._frames = 0
        self._owns_run = False
        self.run = run if run is not None else self._find_run(video_folder)

    @property
    def recording(self) -> bool:
        """Whether frames are being taken."""
        return self._episode is not None and self._episode.capturing

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[ObsType, dict[str, Any]]:
        """Reset the environment. An episode that is open ends as not complete."""
        result = self.env.reset(seed=seed, options=options)
        self._leave(complete=False)
        if not self._fresh:
            self.episode_id += 1
        self._fresh = True
        return result

    def step(self, action: ActType) -> tuple[ObsType, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and record what came of it."""
        if self._fresh:
            self._begin()
        result = self.env.step(action)
        self.step_id += 1
        episode = self._episode
        if episode is None:
            return result
        if self.step_trigger is not None and self.step_trigger(self.step_id):
            episode.capture("step_trigger")
        _, reward, terminated, truncated, _ = result
        if episode.capturing:
            episode.step(action, reward, self._render)  # type: ignore[arg-type]  # `step` makes a float of it
            self._count_frame(episode)
        else:
            episode.step(action, reward)  # type: ignore[arg-type]  # likewise
        if terminated or truncated:
            self._leave(complete=True, metadata={"terminated": bool(terminated), "truncated": bool(truncated)})
        return result

    def render(self) -> Any:
        """What the environment renders; frames of a list that a film took are still in it."""
        found = self.env.render()
        history, self.render_history = self.render_history, []
        return history + found if history and isinstance(found, list) else found

    def close(self) -> None:
        """Close the environment, and a run that is the wrapper's own."""
        super().close()
        self._leave(complete=False)
        if self._owns_run:
            self.run.finish()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _find_run(self, video_folder: str | os.PathLike[str] | None) -> Run:
        current: Run | None = filmlab.run
        if video_folder is None and current is not None:
            return current
        self._owns_run = True
        name = self.name_prefix if self.name_prefix != _DEFAULT_PREFIX else None
        return filmlab.init(name=name, dir=video_folder, fps=self.frames_per_sec)

    def _begin(self) -> None:
        """An episode begins with its first step, so that a reset for the seed's sake is none."""
        self._fresh, self._frames = False, 0
        capture = None
        if self.episode_trigger is not None:
            capture = bool(self.episode_trigger(self.episode_id))
        elif self.step_trigger is not None:
            capture = False
        self._episode = self.run.episode(self.episode_id, capture=capture, reason="episode_trigger" if capture else "")
        if self._episode.capturing:
            self._episode.frame(self._render)
            self._count_frame(self._episode)

    def _count_frame(self, episode: Episode) -> None:
        self._frames += 1
        if 0 < self.video_length <= self._frames:
            episode.cut()

    def _render(self) -> Any:
        """The frame of this moment."""
        found = self.env.render()
        if not isinstance(found, list):
            return found
        self.render_history += found
        return found[-1] if found else None

    def _leave(self, *, complete: bool, metadata: dict[str, bool] | None = None) -> None:
        episode, self._episode = self._episode, None
        if episode is None:
            return
        if complete:
            episode.end(metadata=metadata)
        else:
            episode.leave()
        if self.gc_trigger is not None and self.gc_trigger(self.episode_id):
            gc.collect()
