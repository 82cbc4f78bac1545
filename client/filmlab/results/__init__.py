"""What came of a training or an evaluation: its numbers, its configuration, its agent; saved without a pickle.

    results = TrainingResults(agent_state, training_metrics, eval_metrics, config, run_dir)
    results.save(directory, save_checkpoint=True)  # here and now
    run.log_results(results, save_checkpoint=True)  # by the lab, without waiting

Files and formats: docs/results.md.
"""

from filmlab.results.config import Config
from filmlab.results.episode_files import EpisodeFiles
from filmlab.results.episodes import save_episodes
from filmlab.results.evaluation import EvaluationResults
from filmlab.results.metadata import RunMetadata
from filmlab.results.metrics import EvaluationMetrics, TrainingMetrics
from filmlab.results.saved import SavedRun, load_run
from filmlab.results.training import TrainingResults

__all__ = [
    "Config", "EpisodeFiles", "EvaluationMetrics", "EvaluationResults", "RunMetadata", "SavedRun", "TrainingMetrics",
    "TrainingResults", "load_run", "save_episodes",
]  # fmt: skip
