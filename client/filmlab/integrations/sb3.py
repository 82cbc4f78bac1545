"""How does a training of Stable-Baselines3 record itself? A callback, a logger's format, an evaluation on film."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize, unwrap_vec_normalize

import filmlab
from filmlab._clip import Clip
from filmlab._current import current
from filmlab._episode import Episode
from filmlab._folder import AS_ITS_RUN
from filmlab._run import Run
from filmlab.errors import BadInput
from filmlab.integrations._place import check_arguments
from filmlab.integrations._sb3_format import FilmlabOutputFormat, Progress, progress_of
from filmlab.integrations._sb3_model import env_id_of, printing_of, settings_of
from filmlab.wholes import whole

__all__ = ["FilmlabCallback", "FilmlabEvalCallback", "FilmlabOutputFormat"]


class FilmlabCallback(BaseCallback):
    """Records a training: the logger's values, the model's settings as configuration, and its episodes with film.

    Every episode of every environment of the `VecEnv` is told, numbered as they begin; film is taken of those that are
    captured, from any of them (`render_mode="rgb_array"`). Returns are the environment's own: of its `Monitor` where it
    has one, else before `VecNormalize`. A vector environment resets at once, so that the very last picture of an
    episode cannot be had. `learn` may be called again: it is the same run, and its steps go on.

    Nothing is encoded or waited for in the loop, and nothing raises into it.

    Args:
        run: what to record to; None: the run that `filmlab.init` began last, else one of its own, called
            `PPO-CartPole-v1`, which ends with the process, or with `callback.run.finish()`.
        episode_trigger: called with an episode's number; True films it. None: the run's schedule decides.
        verbose: as in `BaseCallback`.
        init: for a run of its own, as `filmlab.init` takes it: `schedule="every:10"`, `id=…, resume="must"`.

    Raises:
        BadInput: what is no run or no function, or arguments for `init` beside a run. When training starts: what `init`
            raises.
    """

    def __init__(
        self,
        run: Run | None = None,
        *,
        episode_trigger: Callable[[int], bool] | None = None,
        verbose: int = 0,
        **init: Any,
    ) -> None:
        super().__init__(verbose)
        check_arguments(run, None, "", 0, episode_trigger=episode_trigger)
        if run is not None and init:
            raise BadInput(f"FilmlabCallback: {', '.join(init)} would be for a run of its own, and one is given")
        self._given, self._init = run, init
        self._run: Run | None = None
        self._trigger = episode_trigger
        self._open: list[Episode] = []
        """By environment."""
        self._returns = np.zeros(0)
        self._lengths = np.zeros(0, np.int64)
        """Of the open episodes. Counted for all at once: a call for each of them would be felt in every step."""
        self._filming = False
        """Some of them are filmed."""
        self._last_obs: Any = None
        self._normalizer: VecNormalize | None = None
        self._films = False
        self._printing = AS_ITS_RUN
        self._progress = Progress()

    @property
    def run(self) -> Run:
        """What is recorded to. Raises BadInput before the training has started, unless a run was given."""
        run = self._run or self._given
        if run is None:
            raise BadInput("FilmlabCallback: its run begins when the training starts")
        return run

    def _on_training_start(self) -> None:
        if self._run is None or self._run._seat.finished:
            self._run, self._open = self._find_run(), []
        run = self._run
        self._progress = progress_of(run)
        self._guarded("settings", lambda: run.config.update(settings_of(self.model)))
        formats = self.logger.output_formats
        if not any(isinstance(each, FilmlabOutputFormat) and each.run is run for each in formats):
            formats.append(FilmlabOutputFormat(run))
        self._guarded("start", self._begin)

    def _on_step(self) -> bool:
        self._guarded("step", self._step)
        return True

    def _on_rollout_end(self) -> None:
        self._guarded("rollout", self._tell_open)

    def _on_training_end(self) -> None:
        self._guarded("end", self._tell_open)
        # Episodes stay open: the next `learn` may go on with them.
        self._last_obs = getattr(self.model, "_last_obs", None)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _find_run(self) -> Run:
        found = self._given or (current() if not self._init else None)
        if found is not None and not found._seat.finished:
            return found
        name = "-".join(part for part in (type(self.model).__name__, env_id_of(self.model)) if part)
        return filmlab.init(**({"name": name} | self._init))

    def _guarded(self, what: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            self.run._seat.failed(f"FilmlabCallback, {what},", error)

    def _begin(self) -> None:
        """All environments are at the beginning of an episode, unless the last `learn` is simply going on."""
        env = self.training_env
        self._normalizer = unwrap_vec_normalize(env)
        self._films = env.render_mode == "rgb_array"
        self._printing = printing_of(self.run, env)
        if not self._films:
            self.run._seat.notices.tell(
                "render_mode",
                f"run {self.run.id}: no episode is filmed, since the environments' render_mode is {env.render_mode!r}; "
                "make them with render_mode='rgb_array'",
            )
        goes_on = self._last_obs is not None and self._last_obs is getattr(self.model, "_last_obs", None)
        if goes_on and len(self._open) == env.num_envs:
            return
        for episode in self._open:
            episode.leave()
        self._open = [self._next() for _ in range(env.num_envs)]
        self._returns, self._lengths = np.zeros(env.num_envs), np.zeros(env.num_envs, np.int64)
        self._shoot(dict.fromkeys(range(env.num_envs)))

    def _next(self) -> Episode:
        if not self._films:
            return self.run.episode(capture=False)
        if self._trigger is None:
            return self.run.episode(printing=self._printing)
        capture = bool(self._trigger(self.run._next_episode))
        reason = "episode_trigger" if capture else ""
        return self.run.episode(capture=capture, reason=reason, printing=self._printing)

    def _step(self) -> None:
        found = self.locals
        rewards: NDArray[Any] = (
            self._normalizer.get_original_reward() if self._normalizer is not None else found["rewards"]
        )
        self._progress.step(self.num_timesteps)
        self._returns += rewards
        self._lengths += 1
        dones: NDArray[np.bool_] = found["dones"]
        if not self._filming and not dones.any():
            # By far the most steps are of this kind.
            return
        wanted: dict[int, tuple[Any, float] | None] = {}
        for index, episode in enumerate(self._open):
            if dones[index]:
                # What could be rendered by now is the next episode's.
                episode.step(found["actions"][index], float(rewards[index]))
                self._end(index, found["infos"][index])
                wanted[index] = None
            elif episode.capturing:
                wanted[index] = found["actions"][index], float(rewards[index])
        self._shoot(wanted)

    def _end(self, index: int, info: dict[str, Any]) -> None:
        """An episode is over, and the next begins. What its Monitor counted is what counts."""
        episode, told = self._open[index], info.get("episode")
        if isinstance(told, dict) and np.isscalar(told.get("r")) and np.isscalar(told.get("l")):
            episode.totals(float(told["r"]), int(told["l"]))
        else:
            episode.totals(float(self._returns[index]), int(self._lengths[index]))
        truncated = bool(info.get("TimeLimit.truncated", False))
        solved = info.get("is_success")
        episode.end(
            None if solved is None else bool(solved), metadata={"terminated": not truncated, "truncated": truncated}
        )
        self._open[index], self._returns[index], self._lengths[index] = self._next(), 0.0, 0

    def _tell_open(self) -> None:
        """How far the open episodes are, in case that nothing more comes."""
        for index, episode in enumerate(self._open):
            episode.totals(float(self._returns[index]), int(self._lengths[index]))

    def _shoot(self, wanted: dict[int, tuple[Any, float] | None]) -> None:
        """One picture of each of these environments that are filmed: of a step, or of an episode's beginning."""
        filmed = [index for index in wanted if self._open[index].capturing]
        if filmed:
            self._take(filmed, wanted)
        self._filming = any(episode.capturing for episode in self._open)

    def _take(self, filmed: list[int], wanted: dict[int, tuple[Any, float] | None]) -> None:
        for index, frame in zip(filmed, rendered(self.training_env, filmed), strict=True):
            step = wanted[index]
            if step is None:
                self._open[index].frame(frame)
            else:
                self._open[index].step(*step, frame)


class FilmlabEvalCallback(EvalCallback):
    """Stable-Baselines3's `EvalCallback`, with film: of each evaluation one clip, `media/eval_<step>.gif`.

    Its results (`eval/mean_reward`, …) are in the run by the logger's format, which `FilmlabCallback` brings.

    Args:
        args, options: as `EvalCallback` takes them.
        run: what to record to; None: the run that `filmlab.init`, or a `FilmlabCallback`, began last.
        film_episodes: how many episodes of the first environment are in a clip; 0: none.

    Raises:
        BadInput: what is no run, or no such number.
    """

    def __init__(self, *args: Any, run: Run | None = None, film_episodes: int = 1, **options: Any) -> None:
        super().__init__(*args, **options)
        check_arguments(run, None, "", 0)
        self._run, self._film_episodes = run, whole("film_episodes", film_episodes)
        self._clip: Clip | None = None
        self._left = self._film_episodes

    def _on_step(self) -> bool:
        self._left = self._film_episodes
        try:
            return super()._on_step()
        finally:
            clip, self._clip = self._clip, None
            if clip is not None:
                clip.end()

    def _log_success_callback(self, locals_: dict[str, Any], globals_: dict[str, Any]) -> None:
        super()._log_success_callback(locals_, globals_)
        run = self._run or current()
        if run is not None and self._left > 0 and locals_["i"] == 0:
            try:
                self._shoot(run, locals_["env"], bool(locals_["done"]))
            except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
                run._seat.failed("FilmlabEvalCallback", error)

    def _shoot(self, run: Run, env: VecEnv, done: bool) -> None:
        """One step of the first environment was taken. Called while it is evaluated."""
        if self._clip is None:
            if env.render_mode != "rgb_array":
                self._left = 0
                return
            step = progress_of(run).step(self.num_timesteps)
            self._clip = Clip(run._seat, "eval", step=step, reason="evaluation", printing=printing_of(run, env))
        if done:
            # What could be rendered by now is the next episode's.
            self._left -= 1
        else:
            self._clip.shoot(lambda: rendered(env, [0]))


def rendered(env: VecEnv, indices: list[int]) -> list[Any]:
    """A picture of each of these environments, as they are now."""
    try:
        found = env.env_method("render", indices=indices)
    except (NotImplementedError, AttributeError):
        # A vector environment of somebody's own: it may only know how to show all of them.
        images = env.get_images()
        found = [images[index] for index in indices]
    # An environment that collects its pictures gives all since the last time.
    return [frame[-1] if isinstance(frame, list) else frame for frame in found]
