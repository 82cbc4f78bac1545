"""How are results saved, and the agent with them? Alike, whether they are a training's or an evaluation's."""

import os
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from filmlab.errors import BadInput
from filmlab.pytree.files import load_state, save_state
from filmlab.results.layout import RunType, write_directory
from filmlab.results.metadata import RunMetadata


class Saving(ABC):
    """What `TrainingResults` and `EvaluationResults` have in common."""

    __slots__ = ()
    run_type: ClassVar[RunType]
    agent_state: Any
    config: Any

    @abstractmethod
    def tree(self) -> dict[str, Any]:
        """What `results.msgpack` holds."""

    def save(
        self,
        directory: str | os.PathLike[str],
        save_checkpoint: bool = False,
        *,
        metadata: RunMetadata | None = None,
    ) -> None:
        """Write the run's directory, here and now. `run.log_results` has the lab do it, without waiting.

        What these results do not have stays as it was there: an earlier agent, when this one is not saved.

        Args:
            save_checkpoint: the agent's state too, as `checkpoints/final.msgpack`.
            metadata: what differs from `RunMetadata.gather(…)`: a device, a duration.

        Raises:
            BadInput: the configuration or the numbers cannot be written.
            RuntimeError: the agent's state cannot be; names the leaf.
            OSError: the directory cannot be written.
        """
        if metadata is not None and not isinstance(metadata, RunMetadata):
            raise BadInput(f"metadata: a RunMetadata, got {type(metadata).__name__}")
        write_directory(
            directory, self.tree(), self.config, metadata or RunMetadata.gather(self.run_type),
            self.agent_state if save_checkpoint else None,
        )  # fmt: skip

    def save_agent(self, path: str | os.PathLike[str]) -> None:
        """The agent's state alone. Raises as `filmlab.pytree.save_state` does."""
        save_state(self.agent_state, path)

    @staticmethod
    def load_agent(path: str | os.PathLike[str]) -> Any:
        """An agent's state. Raises as `filmlab.pytree.load_state` does."""
        return load_state(path)
