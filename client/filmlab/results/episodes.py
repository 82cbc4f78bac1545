"""How are evaluation episodes kept? One compressed file each, cut at the episode's length, without a pickle."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.errors import BadInput
from filmlab.pytree.files import replace_file
from filmlab.results.evaluation import EPISODE_ARRAYS, EvaluationResults, episode_arrays
from filmlab.results.metrics import refusing
from filmlab.wholes import whole


@dataclass(frozen=True, slots=True)
class Episodes:
    """The episodes of one evaluation."""

    arrays: dict[str, NDArray[Any]]
    """`observations`, `actions`, `rewards`, `dones`, each (n, max_steps, …)."""
    lengths: NDArray[Any]
    returns: NDArray[Any]
    seed: int

    @classmethod
    def of(cls, found: Any, lengths: Any, returns: Any, seed: Any) -> "Episodes":
        """Out of results, or of what was read of them.

        Raises:
            BadInput: an array is missing, has other episodes than the rest, or holds objects.
        """
        arrays = {name: np.asarray(array) for name, array in episode_arrays(found).items()}
        counts = {len(arrays["rewards"]), np.size(lengths), np.size(returns)}
        if len(counts) > 1:
            raise BadInput(f"episodes: {sorted(counts)} of them in arrays, lengths and returns")
        for name, array in arrays.items():
            if array.dtype.hasobject or array.dtype.kind not in "biufc":
                raise BadInput(f"episodes: {name} of dtype {array.dtype} cannot be kept in an .npz; convert it first")
        with refusing("episodes"):
            numbers = np.asarray(lengths).astype(np.int64), np.asarray(returns).astype(np.float64)
            return cls(arrays, numbers[0].ravel(), numbers[1].ravel(), int(seed))

    def __len__(self) -> int:
        return len(self.lengths)

    def files(self, steps_per_env: int, global_step: int) -> Iterator[tuple[str, bytes]]:
        """(path below the run's directory, contents) of each."""
        for index in range(len(self)):
            yield episode_path(steps_per_env, index), self._file(index, global_step)

    def _file(self, index: int, global_step: int) -> bytes:
        most = self.arrays["rewards"].shape[1]
        length = min(max(0, int(self.lengths[index])), most)
        arrays: dict[str, Any] = {name: self.arrays[name][index, :length] for name in EPISODE_ARRAYS}
        arrays |= {"episode_length": np.int64(length), "episode_return": np.float64(self.returns[index])}
        arrays |= {"global_step": np.int64(global_step), "seed": np.int64(self.seed)}
        out = io.BytesIO()
        np.savez_compressed(out, **arrays)
        return out.getvalue()


def episode_path(steps_per_env: int, index: int) -> str:
    """`episodes/step_00000500/episode_0003.npz`."""
    return f"episodes/step_{steps_per_env:08d}/episode_{index:04d}.npz"


def save_episodes(
    directory: str | os.PathLike[str], results: EvaluationResults, *, steps_per_env: int, global_step: int
) -> list[Path]:
    """Write the episodes that an evaluation kept, and return their files. (`run.log_results` has the lab do it, when it
    is given `episodes=EpisodeFiles(…)`.)

    Raises:
        BadInput: there are none, they cannot be kept, or a step is no whole number from 0.
        OSError: the directory cannot be written.
    """
    steps_per_env, global_step = whole("steps_per_env", steps_per_env), whole("global_step", global_step)
    if not isinstance(results, EvaluationResults) or results.episodes is None:
        raise BadInput("these results hold no episodes")
    found = Episodes.of(results.episodes, results.episode_lengths, results.episode_returns, results.seed)
    made = []
    for name, data in found.files(steps_per_env, global_step):
        replace_file(Path(directory) / name, (data,))
        made.append(Path(directory) / name)
    return made
