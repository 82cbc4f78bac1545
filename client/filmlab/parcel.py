"""What is handed over as results? What copies and sends it is loaded only by programs that have results."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filmlab.results.episode_files import EpisodeFiles
    from filmlab.results.metadata import RunMetadata


@dataclass(slots=True)
class Parcel:
    """Some results on their way. `config`, `tree` and `state` are copies, and let go once they have been sent."""

    run: int
    film: int
    run_type: str
    summary: dict[str, Any]
    metadata: "RunMetadata | None"
    """None: as the sender finds it."""
    duration_s: float
    config: dict[str, Any]
    tree: Any
    state: Any
    """None: there is none, or it was left out."""
    note: str
    episodes: "EpisodeFiles | None"
    size_bytes: int
    """Of the arrays in it."""
