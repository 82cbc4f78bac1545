"""What is in a run's directory? Its configuration, its results, its circumstances and its checkpoints, as one."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filmlab.pytree.files import load_state
from filmlab.results.config import Config
from filmlab.results.evaluation import EvaluationResults
from filmlab.results.layout import FINAL, checkpoint_path, read_config, read_metadata, read_results
from filmlab.results.metadata import RunMetadata
from filmlab.results.training import TrainingResults


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run's directory, by `save` or by the lab."""

    directory: Path
    config: Config
    results: TrainingResults | EvaluationResults
    metadata: RunMetadata

    def load_checkpoint(self, name: str = FINAL) -> Any:
        """The agent's state in `checkpoints/<name>.msgpack`.

        Raises:
            FileNotFoundError: there is none.
            RuntimeError: it is damaged.
        """
        return load_state(self.directory / checkpoint_path(name))


def load_run(directory: str | os.PathLike[str]) -> SavedRun:
    """A run's directory as a whole; its checkpoints are read when they are asked for.

    Raises:
        FileNotFoundError: names the file that is missing, and what it is for.
        Corrupt: a file is damaged.
    """
    root = Path(directory)
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not there: the directory of the run")
    config, metadata = read_config(root), read_metadata(root)
    of_training = read_results(root)["type"] == "training"
    results = TrainingResults.load(root) if of_training else EvaluationResults.load(root)
    return SavedRun(root, config, results, metadata)
