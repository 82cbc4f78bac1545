"""What does a run's page show? Plain values, chosen and ready to be written."""

from dataclasses import dataclass
from typing import Any

from filmlab.latency import Histogram
from filmlabd.model import AttemptRow, DropRow, ResultsRow, RunRow


@dataclass(frozen=True, slots=True)
class Picture:
    """A print that is an image or a film: its path below the run's directory, and its size."""

    path: str
    """Embedded: the `data:` address that holds it, or what will be replaced by that."""
    width_px: int
    height_px: int
    poster: str = ""
    """Of a film: the image that stands for it until it plays. Not empty there alone; the size is then the image's."""
    embedded: bool = False
    """It is in the page itself, which then leads to no file."""


@dataclass(frozen=True, slots=True)
class ClipView:
    """One episode that can be watched."""

    picture: Picture
    data_path: str
    """Its JSON; empty where there is none."""
    others: tuple[tuple[str, str], ...]
    """The same clip in other formats: name and path."""
    episode: int
    whose: str
    """Writer and attempt, where they are not the usual ones."""
    return_: float
    length: int
    solved: bool | None
    complete: bool
    reason: str
    notes: tuple[str, ...]
    wall: float


@dataclass(frozen=True, slots=True)
class MediumView:
    """One logged image, clip, histogram, text or other file."""

    path: str
    """Of what it leads to."""
    name: str
    step: int
    caption: str
    picture: Picture | None = None
    text: str | None = None
    """Its beginning."""
    others: tuple[tuple[str, str], ...] = ()
    """The same in other formats: name and path."""
    embedded: bool = False
    """As that of a `Picture`: it leads nowhere."""


@dataclass(frozen=True, slots=True)
class CurveView:
    """One metric. The SVG at `path` suits a light page and a dark one."""

    metric: str
    path: str
    """As that of a `Picture`."""
    png_path: str
    last: float
    embedded: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not there, or not as it should be, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all episodes that have ended. NaN where there is none with a number."""

    episodes: int
    steps: int
    best_return: float
    last_return: float
    last_mean: float
    """Of the last `mean_of` returns."""
    mean_of: int


@dataclass(frozen=True, slots=True)
class RunPage:
    """Everything on the page. `clips` and `media` are in the order they are shown in; `more_…` are not shown."""

    run: RunRow
    totals: Totals
    best: ClipView | None
    progress: tuple[ClipView, ...]
    """The first clip, one in the middle and the newest; of those that were not cut short; or none."""
    clips: tuple[ClipView, ...]
    clips_in_all: int
    clips_shown: str
    """Which of them are; empty when all are."""
    developing: int
    media: tuple[MediumView, ...]
    more_media: int
    curves: tuple[CurveView, ...]
    more_curves: int
    attempts: tuple[AttemptRow, ...]
    results: tuple[ResultsRow, ...]
    config: dict[str, Any]
    summary: dict[str, Any]
    drops: tuple[DropRow, ...]
    problems: tuple[Problem, ...]
    blocked: Histogram
    made_wall: float
    alone: bool = False
    """Whatever it shows is embedded, and no file lies beside it."""
