"""What came of a training? Its metrics, its evaluations, its configuration, and the agent."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from filmlab.errors import BadInput, Corrupt
from filmlab.results.layout import RunType, header, read_config, read_results
from filmlab.results.metrics import EvaluationMetrics, TrainingMetrics, last
from filmlab.results.saving import Saving


@dataclass(slots=True, repr=False)
class TrainingResults(Saving):
    """What a training returns.

    Args:
        agent_state: any tree that `filmlab.pytree` takes; None once loaded (see `load_agent`).
        config: a mapping, a dataclass, a namespace or OmegaConf's; a `Config` once loaded.
        run_dir: where the run's files lie.
        final_env_state: is never saved.
    """

    run_type: ClassVar[RunType] = "training"
    agent_state: Any
    training_metrics: TrainingMetrics | None
    eval_metrics: EvaluationMetrics | None
    config: Any
    run_dir: str | os.PathLike[str]
    final_env_state: Any = None

    def summary(self) -> dict[str, float | int]:
        """The numbers that matter most; 0 where there is none."""
        evaluated, trained = self.eval_metrics, self.training_metrics
        return {
            "final_eval_return_mean": float(last(evaluated.mean_return, 0.0)) if evaluated else 0.0,
            "final_eval_return_std": float(last(evaluated.std_return, 0.0)) if evaluated else 0.0,
            "training_steps_per_env": int(last(evaluated.steps_per_env, 0)) if evaluated else 0,
            "training_global_steps": int(last(trained.global_steps, 0)) if trained else 0,
            "num_eval_checkpoints": len(evaluated.mean_return) if evaluated else 0,
        }

    def __repr__(self) -> str:
        try:
            found = self.summary()
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            return f"TrainingResults(no summary: {error}, run_dir={str(self.run_dir)!r})"
        return (
            f"TrainingResults(return={found['final_eval_return_mean']:,.2f} ± {found['final_eval_return_std']:,.2f}, "
            f"steps_per_env={found['training_steps_per_env']:,}, global_steps={found['training_global_steps']:,}, "
            f"evaluations={found['num_eval_checkpoints']:,}, run_dir={str(self.run_dir)!r})"
        )

    def tree(self) -> dict[str, Any]:
        """What `results.msgpack` holds: all but the agent, the environment and the configuration."""
        trained, evaluated = self.training_metrics, self.eval_metrics
        if trained is not None and not isinstance(trained, TrainingMetrics):
            raise BadInput(f"training_metrics: TrainingMetrics, got {type(trained).__name__}")
        if evaluated is not None and not isinstance(evaluated, EvaluationMetrics):
            raise BadInput(f"eval_metrics: EvaluationMetrics, got {type(evaluated).__name__}")
        return header(self.run_type, self.run_dir) | {
            "training_metrics": trained.tree() if trained is not None else None,
            "eval_metrics": evaluated.tree() if evaluated is not None else None,
        }

    @staticmethod
    def load(directory: str | os.PathLike[str]) -> "TrainingResults":
        """What was saved there, without the agent (see `load_agent`).

        Raises:
            FileNotFoundError: names the file that is missing, and what it is for.
            BadInput: it is of an evaluation.
            Corrupt: a file is damaged.
        """
        tree = read_results(directory, TrainingResults.run_type)
        try:
            trained, evaluated = tree["training_metrics"], tree["eval_metrics"]
            return TrainingResults(
                None,
                None if trained is None else TrainingMetrics.of(trained),
                None if evaluated is None else EvaluationMetrics.of(evaluated),
                read_config(directory),
                Path(directory),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise Corrupt(f"{os.fspath(directory)}: its results lack {error}") from None
