"""What was measured along the way? One entry per logging checkpoint, in plain lists that a program fills."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlab.pytree.leaves import is_array


@dataclass(slots=True)
class TrainingMetrics:
    """Of a training; one entry per logging checkpoint in each list."""

    global_steps: list[int] = field(default_factory=list)
    """Steps of all environments together."""
    steps_per_env: list[int] = field(default_factory=list)
    loss: list[float] | None = None
    reward: list[float] | None = None
    agent_metrics: dict[str, list[float]] | None = None

    def tree(self) -> dict[str, Any]:
        """As arrays, for `results.msgpack`. Raises BadInput for what are no numbers."""
        with refusing("training_metrics"):
            agent = self.agent_metrics
            found = None if agent is None else {str(name): reals(values) for name, values in agent.items()}
            return {
                "global_steps": wholes(self.global_steps),
                "steps_per_env": wholes(self.steps_per_env),
                "loss": None if self.loss is None else reals(self.loss),
                "reward": None if self.reward is None else reals(self.reward),
                "agent_metrics": found,
            }

    @classmethod
    def of(cls, tree: dict[str, Any]) -> "TrainingMetrics":
        """As `tree` gave it. Raises KeyError, TypeError or AttributeError for another tree."""
        agent = tree["agent_metrics"]
        return cls(
            tree["global_steps"].tolist(),
            tree["steps_per_env"].tolist(),
            _list_or_none(tree["loss"]),
            _list_or_none(tree["reward"]),
            None if agent is None else {name: values.tolist() for name, values in agent.items()},
        )


@dataclass(slots=True)
class EvaluationMetrics:
    """Of the evaluations during a training; one entry per evaluation in each list."""

    global_steps: list[int] = field(default_factory=list)
    steps_per_env: list[int] = field(default_factory=list)
    episode_returns: list[NDArray[Any]] = field(default_factory=list)
    """Each of shape (eval_rollouts,)."""
    episode_lengths: list[NDArray[Any]] = field(default_factory=list)
    mean_return: list[float] = field(default_factory=list)
    std_return: list[float] = field(default_factory=list)
    mean_length: list[float] = field(default_factory=list)

    def tree(self) -> dict[str, Any]:
        """As arrays, for `results.msgpack`. Raises BadInput for what are no numbers."""
        with refusing("eval_metrics"):
            return {
                "global_steps": wholes(self.global_steps),
                "steps_per_env": wholes(self.steps_per_env),
                "episode_returns": [array_of(item) for item in self.episode_returns],
                "episode_lengths": [array_of(item) for item in self.episode_lengths],
                "mean_return": reals(self.mean_return),
                "std_return": reals(self.std_return),
                "mean_length": reals(self.mean_length),
            }

    @classmethod
    def of(cls, tree: dict[str, Any]) -> "EvaluationMetrics":
        """As `tree` gave it. Raises KeyError, TypeError or AttributeError for another tree."""
        return cls(
            tree["global_steps"].tolist(),
            tree["steps_per_env"].tolist(),
            in_order(tree["episode_returns"]),
            in_order(tree["episode_lengths"]),
            tree["mean_return"].tolist(),
            tree["std_return"].tolist(),
            tree["mean_length"].tolist(),
        )


@contextmanager
def refusing(whose: str) -> Iterator[None]:
    """What is no number, list or path where one is wanted may raise much: here it raises BadInput, which says whose."""
    try:
        yield
    except BadInput:
        raise
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadInput(f"{whose}: {error}") from None


def wholes(values: Iterable[Any]) -> NDArray[np.int64]:
    """Whole numbers of any library as int64 (n,)."""
    return np.array([int(value) for value in values], np.int64)


def reals(values: Iterable[Any]) -> NDArray[np.float64]:
    """Numbers of any library as float64 (n,)."""
    return np.array([float(value) for value in values], np.float64)


def array_of(value: Any) -> Any:
    """An array of any library as it is; a list as an array."""
    return value if is_array(value) else np.asarray(value)


def in_order(found: dict[str, Any]) -> list[Any]:
    """A list that was written as a dict by index."""
    return [found[str(index)] for index in range(len(found))]


def last(values: list[Any] | None, default: Any) -> Any:
    """The last entry; the default where there is none. Arrays are taken for lists."""
    return values[-1] if values is not None and len(values) else default


def _list_or_none(values: NDArray[Any] | None) -> list[Any] | None:
    return None if values is None else values.tolist()
