"""What is a model of Stable-Baselines3 set to? The arguments of its class, as its configuration."""

import inspect
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from filmlab._folder import AS_ITS_RUN, Printing
from filmlab._run import Run
from filmlab.media import FPS, check_fps

_NOT_SETTINGS = frozenset({"self", "env", "policy", "verbose", "tensorboard_log", "_init_setup_model", "device"})


def settings_of(model: BaseAlgorithm) -> dict[str, Any]:
    """By the names that its class gives them; a schedule is its value, or its first and last."""
    settings = {
        "algorithm": type(model).__name__,
        "policy": type(model.policy).__name__,
        "device": str(model.device),
        "num_envs": model.n_envs,
        "env_id": env_id_of(model),
    }
    for name in inspect.signature(type(model).__init__).parameters:
        if name not in _NOT_SETTINGS and hasattr(model, name):
            settings[name] = _value(getattr(model, name))
    return settings


def env_id_of(model: BaseAlgorithm) -> str:
    """As it was registered; empty where it was not."""
    env = model.get_env()
    try:
        specs = env.get_attr("spec", indices=[0]) if env is not None else []
    except Exception:  # noqa: BLE001  # a VecEnv of somebody's own may not know attributes; it is a name only
        return ""
    return str(getattr(specs[0], "id", "")) if specs else ""


def _value(value: Any) -> Any:
    if not callable(value) or isinstance(value, type):
        return value
    try:
        first, last = float(value(1.0)), float(value(0.0))
    except Exception:  # noqa: BLE001  # no schedule, or one that does not know these moments
        return value
    return first if first == last else {"first": first, "last": last}


def printing_of(run: Run, env: VecEnv) -> Printing:
    """At the rate that the environments' metadata say, unless the run was given one of its own: `init(fps=10)`."""
    if run._options.fps != FPS:
        return AS_ITS_RUN
    try:
        return Printing(check_fps(env.get_attr("metadata", [0])[0]["render_fps"]))
    except Exception:  # noqa: BLE001  # a vector environment of somebody's own may not say, or say anything
        return AS_ITS_RUN
