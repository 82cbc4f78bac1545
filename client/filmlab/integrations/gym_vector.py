"""How does a vector environment record itself? Every episode's totals, and film of some sub-environments or of all."""

import gc
import math
import operator
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from filmlab._episode import Episode
from filmlab._run import Run
from filmlab.errors import BadInput
from filmlab.integrations._lanes import Autoreset, Lanes
from filmlab.integrations._place import DEFAULT_PREFIX, Place, check_arguments, check_render_mode, rate_of
from filmlab.integrations._take import Look, Take
from filmlab.jsonable import as_text


class RecordVectorEpisodes(
    VectorWrapper,  # without its arguments: that of Gymnasium 1.0 takes none
    gymnasium.utils.RecordConstructorArgs,
):
    """Records return and length of every sub-environment's episodes, and film of those that are captured.

    The arguments of `gymnasium.wrappers.vector.RecordVideo` mean what they mean there: its films show all
    sub-environments side by side, from the beginning of an episode of the first one to its end. They are put together
    by filmlab's workers, not here. With `indices`, each of these sub-environments has films of its own instead, by its
    own numbers. All three autoreset modes are known; the step that only resets is none of an episode's.

    An episode that is still open at the end, and has no film, is not told.

    Args:
        env: renders a frame for each sub-environment.
        video_folder: gets `{name_prefix}-episode-{n}.mp4` and `.gif`, as in `RecordEpisodes`; with `indices`
            `{name_prefix}-env-{i}-episode-{n}`; `-step-{k}` for films that a step began.
        video_aspect_ratio: (width, height) that the picture of all sub-environments comes near.
        record_first_only: only the first sub-environment is filmed.
        episode_trigger: called with the number of an episode (of the first sub-environment, or of each in `indices`);
            True films it. Without a trigger the run's schedule decides.
        step_trigger: called with the number of steps taken in all; True begins a film there, to its episode's end.
        video_length: films go on for so many steps, also over the ends of episodes; 0: to their episode's end.
        name_prefix, fps, disable_logger, gc_trigger, run: as in `RecordEpisodes`.
        indices: which sub-environments have films of their own, or the number of one; None: one film of all.

    Raises:
        BadInput: the environment renders no arrays, or an argument cannot be used.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        video_folder: str | os.PathLike[str] | None = None,
        video_aspect_ratio: tuple[int, int] = (1, 1),
        record_first_only: bool = False,
        episode_trigger: Callable[[int], bool] | None = None,
        step_trigger: Callable[[int], bool] | None = None,
        video_length: int = 0,
        name_prefix: str = DEFAULT_PREFIX,
        fps: int | None = None,
        disable_logger: bool = True,
        gc_trigger: Callable[[int], bool] | None = None,
        *,
        run: Run | None = None,
        indices: Iterable[int] | int | None = None,
    ) -> None:
        VectorWrapper.__init__(self, env)
        chosen = None if indices is None else _indices(indices, env.num_envs)
        gymnasium.utils.RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,
            video_folder=video_folder,
            video_aspect_ratio=video_aspect_ratio,
            record_first_only=record_first_only,
            episode_trigger=episode_trigger,
            step_trigger=step_trigger,
            video_length=video_length,
            name_prefix=name_prefix,
            fps=fps,
            disable_logger=disable_logger,
            gc_trigger=gc_trigger,
            indices=chosen,
        )
        check_render_mode(env.render_mode)
        check_arguments(
            run, video_folder, name_prefix, video_length,
            episode_trigger=episode_trigger, step_trigger=step_trigger, gc_trigger=gc_trigger,
        )  # fmt: skip
        aspect = _aspect(video_aspect_ratio)
        self.frames_per_sec = rate_of(fps, self.metadata)
        self.name_prefix, self.video_length, self.gc_trigger = name_prefix, video_length, gc_trigger
        self.step_id = -1
        self._place = Place(run, video_folder, name_prefix, self.frames_per_sec)
        self.video_folder = self._place.folder.directory if self._place.folder is not None else None
        self._lanes = Lanes(env.num_envs, _autoreset_mode(env))
        self._seen: Sequence[Any] | None = None
        """What was rendered since the last step, if anything was."""
        triggers = (episode_trigger, step_trigger, video_length)
        if chosen is not None:
            self._takes = {index: Take(self._place, *triggers, mark=f"env-{index}-") for index in chosen}
        elif record_first_only or env.num_envs == 1:
            self._takes = {0: Take(self._place, *triggers)}
        else:
            self._takes = {0: Take(self._place, *triggers, tiles=env.num_envs, aspect=aspect)}
        self._looks: dict[int, Look] = {
            index: self._render if take.tiles > 1 else partial(self._render_one, index)
            for index, take in self._takes.items()
        }
        """By the sub-environment whose episodes a take follows: what it renders."""
        self._filmed: dict[int, Episode] = {}
        """Episodes that have a film of their own, by sub-environment."""

    @property
    def run(self) -> Run:
        """What is recorded to."""
        return self._place.run

    @property
    def episode_id(self) -> int:
        """The number of the first sub-environment's episode; -1 before its first."""
        return int(self._lanes.numbers[0] + self._lanes.fresh[0])

    @property
    def recording(self) -> bool:
        """Whether frames are being taken."""
        return any(take.clip is not None for take in self._takes.values()) or any(
            episode.capturing for episode in self._filmed.values()
        )

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the sub-environments, or those of `options["reset_mask"]`. Their episodes that are open are left."""
        # Read first: the environment takes it out of the options.
        mask = (options or {}).get("reset_mask")
        result = self.env.reset(seed=seed, options=options)
        self._seen = None
        self._safely(lambda: self._was_reset(mask))
        return result

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Step the sub-environments and record what came of it."""
        if self._lanes.any_fresh:
            self._safely(self._begin)
        self._seen = None
        result = self.env.step(actions)
        self.step_id += 1
        self._safely(lambda: self._stepped(actions, result))
        if self._seen is not None and not self._lanes.any_fresh:
            self._seen = None
        return result

    def start_recording(self, video_name: str) -> None:
        """Begin a film of this name now, as `RecordVideo.start_recording` does; those before end.

        With several `indices`, all their films have it: `-env-{i}` stands behind it.
        """
        self.stop_recording()
        for index, take in self._takes.items():
            name = video_name if len(self._takes) == 1 else f"{video_name}-env-{index}"
            self._safely(partial(take.start, name, self.step_id, "start_recording"))

    def stop_recording(self) -> None:
        """End the films that are being shot."""
        for episode in self._filmed.values():
            episode.cut()
        for take in self._takes.values():
            take.stop()

    def close(self, **kwargs: Any) -> None:
        """Close the environment, and finish a run that is the wrapper's own. Open episodes end as not complete."""
        super().close(**kwargs)
        for index in list(self._filmed):
            self._safely(partial(self._leave, index))
        for take in self._takes.values():
            take.stop()
        self._seen = None
        self._place.close()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _was_reset(self, mask: NDArray[np.bool_] | None) -> None:
        left = self._lanes.reset(mask)
        for index in self._takes:
            if left[index]:
                self._leave(index)

    def _begin(self) -> None:
        """Episodes begin with their first step, so that a reset for the seed's sake is none."""
        begun = self._lanes.begin()
        for index, take in self._takes.items():
            if index in begun:
                number = int(self._lanes.numbers[index])
                _, episode = take.begin(number, self.step_id + 1, self._looks[index])
                if episode is not None:
                    episode.about = {"env": index, "env_episode": number}
                    self._filmed[index] = episode
            elif take.tiles > 1 and self._lanes.mode is Autoreset.DISABLED:
                # Others were reset, by no step: a moment of its own, as RecordVideo has it.
                take.shoot(self._looks[index])

    def _stepped(self, actions: Any, result: tuple[Any, Any, Any, Any, dict[str, Any]]) -> None:
        _, rewards, terminated, truncated, infos = result
        terminated, truncated = np.asarray(terminated, np.bool_), np.asarray(truncated, np.bool_)
        rewards = np.asarray(rewards)
        stepping, ended = self._lanes.step(rewards, terminated | truncated)
        for index, take in self._takes.items():
            episode = self._filmed.get(index) if stepping[index] else None
            # What is seen of a fresh one is the next episode's: that begins with it, before its first step.
            if self._lanes.fresh[index]:
                if episode is not None:
                    episode.step(self._action(actions, index), rewards[index])
                if ended[index]:
                    take.over()
                take.triggered(self.step_id, None)
                continue
            take.triggered(self.step_id, episode)
            if episode is not None:
                episode.step(self._action(actions, index), rewards[index], partial(self._frame, index))
            take.shoot(self._looks[index])
            if ended[index]:
                take.over()
        for index in np.flatnonzero(ended).tolist():
            self._end(index, bool(terminated[index]), bool(truncated[index]), infos)

    def _end(self, index: int, terminated: bool, truncated: bool, infos: dict[str, Any]) -> None:
        return_, length, time_s = self._lanes.totals(index, infos)
        metadata: dict[str, Any] = {
            "env": index, "env_episode": int(self._lanes.numbers[index]), "terminated": terminated,
            "truncated": truncated,
        }  # fmt: skip
        metadata |= {} if time_s is None else {"time_s": time_s}
        episode = self._filmed.pop(index, None)
        if episode is None:
            self.run.log_episode(return_, length, metadata=metadata)
        else:
            episode.totals(return_, length)
            episode.end(metadata=metadata)
        self._collect(index)

    def _leave(self, index: int) -> None:
        """An episode goes no further, wherever it stands."""
        episode = self._filmed.pop(index, None)
        if episode is not None:
            episode.leave()
        self._takes[index].over()
        self._collect(index)

    def _collect(self, index: int) -> None:
        if index in self._takes and self.gc_trigger is not None and self.gc_trigger(int(self._lanes.numbers[index])):
            gc.collect()

    def _render(self) -> Sequence[Any]:
        """A frame of each sub-environment, as they are now; rendered once between two steps."""
        if self._seen is None:
            found = self.env.render()
            # Of sub-environments that collect their frames, the last.
            self._seen = [item[-1] if isinstance(item, list) and item else item for item in found]  # type: ignore[union-attr]  # what is None ends the film
        return self._seen

    def _render_one(self, index: int) -> Sequence[Any]:
        return (self._render()[index],)

    def _frame(self, index: int) -> Any:
        return self._looks[index]()[0]

    def _action(self, actions: Any, index: int) -> Any:
        """One sub-environment's part of the actions; None where they cannot be taken apart."""
        try:
            return actions[index]
        except (TypeError, KeyError, IndexError):
            return None

    def _safely(self, record: Callable[[], None]) -> None:
        """Nothing of ours ends a training, whatever a strange environment gives; `strict` raises."""
        try:
            record()
        except Exception as error:  # noqa: BLE001  # as said
            self.run._seat.failed("a vector environment's wrapper", error)


def _indices(indices: Iterable[int] | int, count: int) -> tuple[int, ...]:
    """Raises BadInput unless these are numbers of sub-environments."""
    try:
        given = tuple(indices) if isinstance(indices, Iterable) else (indices,)
        # A mask of them is no list of numbers, though Python takes it for one.
        chosen = tuple(dict.fromkeys(-1 if isinstance(index, bool) else operator.index(index) for index in given))
    except Exception:  # noqa: BLE001  # what a stranger's object raises: it is no number
        chosen = (-1,)
    if not all(0 <= index < count for index in chosen):
        raise BadInput(f"indices: some of the sub-environments from 0 to {count - 1}, got {as_text(indices)}")
    return chosen


def _aspect(ratio: Any) -> float:
    """Width by height. Raises BadInput unless these are two numbers above 0."""
    try:
        width, height = (float(side) for side in ratio)
        aspect = width / height
    except Exception:  # noqa: BLE001  # likewise
        aspect = 0.0
    if not 0 < aspect < math.inf:
        raise BadInput(f"video_aspect_ratio: (width, height), each above 0, got {as_text(ratio)}")
    return aspect


def _autoreset_mode(env: VectorEnv[Any, Any, Any]) -> Autoreset:
    """What the metadata say; Gymnasium's default where they say nothing."""
    said = env.metadata.get("autoreset_mode") or Autoreset.NEXT_STEP.value
    return Autoreset(getattr(said, "value", said))
