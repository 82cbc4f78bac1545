"""How are results handed over? As a copy that nobody changes any more; all further work is the sender's."""

from typing import Any, TypeAlias

import numpy as np

from filmlab.errors import BadInput
from filmlab.jsonable import jsonable
from filmlab.pytree.dtypes import BadTree
from filmlab.pytree.leaves import Leaf, is_array, snapshot
from filmlab.pytree.write import check_leaf, copy_tree
from filmlab.results.config import plain
from filmlab.results.episode_files import EpisodeFiles
from filmlab.results.evaluation import EvaluationResults
from filmlab.results.training import TrainingResults

AnyResults: TypeAlias = TrainingResults | EvaluationResults


def check_results(results: Any) -> AnyResults:
    """Raises BadInput unless these are results."""
    if not isinstance(results, TrainingResults | EvaluationResults):
        raise BadInput(f"log_results: TrainingResults or EvaluationResults, got {type(results).__name__}")
    return results


def check_episodes(results: AnyResults, episodes: Any) -> EpisodeFiles | None:
    """Raises BadInput unless this can be made of these results."""
    if episodes is None:
        return None
    if not isinstance(episodes, EpisodeFiles):
        raise BadInput(f"episodes: EpisodeFiles, got {type(episodes).__name__}")
    if not isinstance(results, EvaluationResults) or results.episodes is None:
        raise BadInput("episodes: these results hold none")
    return episodes


def frozen(tree: Any) -> tuple[Any, int]:
    """A copy of a tree, and the bytes of its arrays. Each array is copied once.

    Raises:
        BadTree: something in it cannot be written; names the leaf.
    """
    size_bytes = 0

    def freeze(value: Any) -> Any:
        nonlocal size_bytes
        if is_array(value):
            leaf = snapshot(value)
            size_bytes += leaf.size_bytes
            return leaf
        if isinstance(value, bytes | bytearray | memoryview):
            size_bytes += len(value)
            return bytes(value)
        if not isinstance(value, np.generic):
            check_leaf(value)
        return value

    return copy_tree(tree, freeze), size_bytes


def size_of(tree: Any) -> int:
    """About how many bytes a copy of a tree would take, without one.

    Raises:
        BadTree: it is beyond the limits of a tree.
    """
    size_bytes = 0

    def add(value: Any) -> None:
        nonlocal size_bytes
        size_bytes += value.size_bytes if isinstance(value, Leaf) else int(getattr(value, "nbytes", 0))

    copy_tree(tree, add)
    return size_bytes


def summary_of(results: AnyResults) -> dict[str, Any]:
    """The summary as JSON knows it: what is not finite is null."""
    return dict(jsonable(results.summary()))


def config_of(results: AnyResults) -> dict[str, Any]:
    """A copy of the configuration. Raises BadInput where it is none."""
    return plain(results.config)


def state_of(results: AnyResults, room_bytes: int) -> tuple[Any, int, str]:
    """(copy of the agent's state, its bytes, why it was left out); nothing is copied that has no room.

    Raises:
        RuntimeError: something in it cannot be written; names the leaf.
    """
    state = results.agent_state
    if state is None:
        return None, 0, ""
    try:
        size_bytes = size_of(state)
        if size_bytes > room_bytes:
            return None, 0, f"the agent state was dropped: its {size_bytes} bytes are over results_bytes"
        return *frozen(state), ""
    except BadTree as error:
        raise RuntimeError(f"Failed to serialize agent state: {error}") from error
