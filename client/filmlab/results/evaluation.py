"""What came of an evaluation? Its returns and lengths, and the episodes themselves where they were kept."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from filmlab.errors import BadInput, Corrupt
from filmlab.results.config import Config
from filmlab.results.layout import RunType, header, read_config, read_results
from filmlab.results.metrics import array_of, refusing
from filmlab.results.saving import Saving

EPISODE_ARRAYS = ("observations", "actions", "rewards", "dones")
_NUMBERS = (
    "mean_return", "std_return", "min_return", "max_return", "mean_length", "std_length", "min_length", "max_length",
)  # fmt: skip


@dataclass(slots=True, repr=False)
class EvaluationResults(Saving):
    """What an evaluation returns.

    Args:
        episode_returns, episode_lengths: (n,).
        episodes: None, or a mapping or object with `observations` (n, max_steps, …), `actions`, `rewards` and `dones`
            (n, max_steps, …); a mapping with attributes once loaded.
        agent_state, config, run_dir: as in `TrainingResults`.
    """

    run_type: ClassVar[RunType] = "evaluation"
    mean_return: float
    std_return: float
    min_return: float
    max_return: float
    mean_length: float
    std_length: float
    min_length: float
    max_length: float
    episode_returns: NDArray[Any]
    episode_lengths: NDArray[Any]
    num_episodes: int
    seed: int
    config: Any
    run_dir: str | os.PathLike[str]
    episodes: Any = None
    agent_state: Any = None

    def summary(self) -> dict[str, float | int]:
        """The numbers that matter most."""
        names = ("mean_return", "std_return", "min_return", "max_return", "mean_length")
        found: dict[str, float | int] = {name: float(getattr(self, name)) for name in names}
        return found | {"num_episodes": int(self.num_episodes)}

    def __repr__(self) -> str:
        try:
            return (
                f"EvaluationResults(return={self.mean_return:,.2f} ± {self.std_return:,.2f} "
                f"[{self.min_return:,.2f}, {self.max_return:,.2f}], length={self.mean_length:,.1f}, "
                f"episodes={self.num_episodes:,}, seed={self.seed}, run_dir={str(self.run_dir)!r})"
            )
        except (TypeError, ValueError) as error:
            return f"EvaluationResults(no summary: {error}, run_dir={str(self.run_dir)!r})"

    def tree(self) -> dict[str, Any]:
        """What `results.msgpack` holds: all but the agent and the configuration."""
        with refusing("EvaluationResults"):
            numbers = {name: float(getattr(self, name)) for name in _NUMBERS}
            return header(self.run_type, self.run_dir) | numbers | {
                "episode_returns": array_of(self.episode_returns),
                "episode_lengths": array_of(self.episode_lengths),
                "num_episodes": int(self.num_episodes),
                "seed": int(self.seed),
                "episodes": None if self.episodes is None else episode_arrays(self.episodes),
            }  # fmt: skip

    @staticmethod
    def load(directory: str | os.PathLike[str]) -> "EvaluationResults":
        """What was saved there, without the agent, as `TrainingResults.load` does."""
        tree = read_results(directory, EvaluationResults.run_type)
        names = (*_NUMBERS, "episode_returns", "episode_lengths", "num_episodes", "seed")
        try:
            episodes = tree["episodes"]
            return EvaluationResults(
                **{name: tree[name] for name in names},
                config=read_config(directory),
                run_dir=Path(directory),
                episodes=None if episodes is None else Config(episodes),
            )
        except (KeyError, TypeError) as error:
            raise Corrupt(f"{os.fspath(directory)}: its results lack {error}") from None


def episode_arrays(episodes: Any) -> dict[str, Any]:
    """The four arrays of some episodes.

    Raises:
        BadInput: one is missing, or they are not of the same episodes and steps.
    """
    found = {}
    for name in EPISODE_ARRAYS:
        value = episodes.get(name) if isinstance(episodes, Mapping) else getattr(episodes, name, None)
        if value is None:
            raise BadInput(f"episodes: {name} is missing; they have {', '.join(EPISODE_ARRAYS)}")
        found[name] = array_of(value)
    shapes = {name: tuple(array.shape[:2]) for name, array in found.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) < 2 for shape in shapes.values()):
        raise BadInput(f"episodes: each array begins with (n, max_steps); got {shapes}")
    return found
