"""Which values do the daemon's rooms hand to each other? Rows read from the index, jobs, and what came of them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmlab.words import plural, size


class JobKind(StrEnum):
    """What a worker can be asked to make."""

    EPISODE = "episode"
    """GIF and JSON of one episode's film."""
    MEDIA = "media"
    """PNG or GIF of one logged image or clip."""
    CURVE = "curve"
    """SVG and PNG of one metric of one run."""
    PAGE = "page"
    """run.json, history.json and index.html of one run."""
    RESULTS = "results"
    """The directory of a training's or an evaluation's results."""
    RECORDER = "recorder"
    """The curves and the history, or the checkpoint, of one recorder of curves."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of rendering. Everything else that the worker needs it reads from the index and the film files."""

    key: str
    kind: JobKind
    run_id: str
    session: int = 0
    film: int = 0
    metric: str = ""
    """Of a recorder: `save` or `checkpoint`."""
    final: bool = False
    """A final print is synced to disk; a live redraw need not be."""
    recorder: int = 0
    """The session's number of the recorder whose job this is, 0 for none."""
    lean: bool = False
    """A worker ran out of memory over it: made with less, and while no other job runs."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt at a job. `paths` are relative to the run's directory."""

    key: str
    ok: bool
    cost_s: float = 0.0
    """CPU seconds of the worker."""
    paths: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    retry: bool = True
    """False when trying again is pointless (the input is at fault)."""
    memory: bool = False
    """It failed because memory ran out."""
    died: bool = False
    """Its worker came to its end over it; `cost_s` is how long it lived with it."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as the index knows it. `status`: running, finished or crashed (of the latest attempt's writers)."""

    run_id: str
    name: str
    project: str
    group: str
    tags: tuple[str, ...]
    directory: str
    status: str
    attempt: int
    config: dict[str, Any]
    summary: dict[str, Any]
    schedule: str
    plan_version: int
    wanted: str
    next_episodes: int
    asked_by: str
    total_episodes: int
    fps: float
    created_wall: float
    updated_wall: float
    finished_wall: float | None
    episodes: int
    """How many have ended."""
    printed: bool
    """The final prints are all there."""
    umask: int = 0o077
    """Of the process that began the latest attempt: prints are made as it would make them."""
    formats: tuple[str, ...] = ("gif",)
    """What its clips are printed as."""
    overlay: tuple[str, ...] = ()
    """What stands under the pictures of its episodes."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Definitions of its metrics, as `filmlab.definitions` writes them."""


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """One episode (or logged medium) that has ended, or whose film has begun."""

    run_id: str
    writer: str
    attempt: int
    episode: int
    session: int
    film: int
    """0 when there is no film."""
    return_: float
    length: int
    solved: bool | None
    ended: bool
    complete: bool
    """False: truncated by the trainer's end."""
    frames: int
    last_seq: int
    reason: str
    note: str
    metadata: dict[str, Any]
    wall: float
    occurrence: int
    """0 for the first episode of this number in its writer's attempt, 1 for the next, …: part of the file's name."""
    job_state: str
    """`none`, `ready`, `done`, `failed` (quarantined), `dropped` (not to be kept), `pending` (not judged yet)."""
    paths: tuple[str, ...] = ()
    job_reason: str = ""
    media_name: str = ""
    """Not empty: this is a medium, not an episode."""
    media_mime: str = ""
    media_step: int | None = None
    caption: str = ""
    fps: float = 30.0
    provisional: bool = False
    """Whether it is kept is decided when its run ends (the last N of an unknown total)."""
    tiles: int = 1
    """So many frames in a row are one moment of its clip."""
    aspect: float = 1.0
    """Width by height that the picture of all tiles should come near."""
    film_gone: str = ""
    """Why its film is not there any more; its prints are. Empty while it is there."""


@dataclass(frozen=True, slots=True)
class FilmRow:
    """What of a film counts when it is asked whether it is kept."""

    session: int
    film: int
    run_id: str
    series: str
    """Writer, attempt and medium: the films of one series follow each other."""
    episode: int
    """Of a medium: its step."""
    return_: float
    """NaN where there is none: of a medium, of an episode that was cut."""
    wall: float
    printed: bool
    awaited: bool
    """It will be printed, unless that fails."""
    given_up: bool
    """Its print failed for good, unless somebody asks for it again. Never of results: they are nowhere else."""
    gone: bool
    """It was deleted, or is about to be."""
    is_medium: bool
    """No episode: a medium, or results."""


@dataclass(frozen=True, slots=True)
class Points:
    """The points of one metric from one writer in one attempt, in the order they came."""

    run_id: str
    writer: str
    attempt: int
    name: str
    seq: NDArray[np.int64]
    step: NDArray[np.int64]
    wall: NDArray[np.float64]
    value: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """What the index says of one metric without reading its points."""

    run_id: str
    writer: str
    attempt: int
    name: str
    count: int
    last_step: int
    last_value: float
    least: float
    """Of its finite values; NaN when it has none."""
    most: float


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One writer in one attempt of a run."""

    attempt: int
    writer: str
    status: str
    """As `RunRow.status`, of this writer."""
    first_step: int | None
    """From here to `last_step` it logged metrics that are not counted by episodes, as far as steps did not go back;
    None where it logged none."""
    last_step: int | None
    episodes: int
    """How many have ended."""


def amount(what: str, count: int) -> str:
    """`2 films`: so many of what a client could not hand over, which it calls `film`, `media` or `metric values`."""
    one = {"media": "medium", "metric values": "metric value"}.get(what, what)
    return plural(count, one, "" if one == what else what)


@dataclass(frozen=True, slots=True)
class DropRow:
    """Something a client could not hand over."""

    run_id: str
    what: str
    count: int
    size_bytes: int
    reason: str

    def words(self) -> dict[str, Any]:
        """As JSON tells it, whoever asks."""
        return {"what": self.what, "count": self.count, "bytes": self.size_bytes, "reason": self.reason}

    @property
    def fate(self) -> str:
        """What became of them, in the same words for everybody: `not handed over (3 MiB): memory is full`."""
        return f"not handed over{f' ({size(self.size_bytes)})' if self.size_bytes else ''}: {self.reason}"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session that has not ended, as the daemon needs it after a restart."""

    session: int
    pid: int
    host: str
    started: int
    durable_c: int
    durable_b: int
    runs: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    """run number -> (run id, writer, attempt), of runs that are not closed."""
    finishing: dict[int, str] = field(default_factory=dict)
    """run number -> status, of those in `runs` that their process has finished."""
    metrics: dict[int, str] = field(default_factory=dict)
    """metric number -> name."""
    closed_runs: dict[int, tuple[str, str, int]] = field(default_factory=dict)
    """The same as `runs`, of runs that are closed: late records of a spool may still name them."""
    refused_b: frozenset[int] = frozenset()
    """Numbers above `durable_b` that count as consumed in stream B though no film has them."""
    umask: int = 0o077
    parent: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class StepsRow:
    """The steps of one captured episode, in order: `rewards` is float64 (n,), `actions` as JSON knows them."""

    actions: list[Any]
    rewards: NDArray[np.float64]
    first: int = 0
    """How many steps the episode had taken before these."""


@dataclass(frozen=True, slots=True)
class PrintRow:
    """What is known of one job that has been tried: its prints, or why there are none."""

    key: str
    run_id: str
    kind: str
    session: int
    film: int
    done: bool
    paths: tuple[str, ...]
    notes: tuple[str, ...]
    strikes: int
    """How often it has failed since it was last done."""
    quarantined: bool
    reason: str
    cost_s: float
    wall: float


@dataclass(frozen=True, slots=True)
class RecorderRow:
    """One drop-in recorder of a session."""

    session: int
    number: int
    run_id: str
    kind: str
    """`animation`, `curves` or `video`."""
    directory: str
    """Absolute: where its files go."""
    prefix: str
    title: str
    fps: float
    save_metadata: bool
    average_window: int
    columns: str
    colors: dict[str, Any]
    save_rows: int | None
    """How many rows of its history its curves show: -1 for all, None while nobody has asked for them."""
    checkpoint_rows: int | None
    writer_id: int


@dataclass(frozen=True, slots=True)
class ResultsRow:
    """Results of one writer of a run, as the index knows them."""

    run_id: str
    writer: str
    attempt: int
    session: int
    film: int
    run_type: str
    """`training` or `evaluation`."""
    place: str
    """Where they lie below the run's directory; empty: in it."""
    parts: tuple[tuple[str, int], ...]
    """(name, bytes) of what lies in their film."""
    summary: dict[str, Any]
    metadata: dict[str, Any]
    episodes: bool
    steps_per_env: int
    global_step: int
    render: str
    videos: int
    fps: float
    note: str
    wall: float
    ended: bool
    """All of their bytes have been sent, or their trainer is gone."""
    last_seq: int
    state: str
    """`pending`, `ready` (their film may be whole), `done`, `failed`, `dropped` (later ones took their place)."""
    paths: tuple[str, ...]
    problem: str
    """Why there are none, or what befell them."""


@dataclass(frozen=True, slots=True)
class SurroundingsRow:
    """Where a run's program runs."""

    python: str
    path: tuple[str, ...]
    directory: str


@dataclass(frozen=True, slots=True)
class TraceRow:
    """What goes beside a recorder's film: its stem, and the JSON of its episode."""

    recorder: int
    stem: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run and its prints have come."""

    status: str
    """As `RunRow.status`."""
    printed: bool
    episodes: int
    total_episodes: int
    """0 when that is not known."""
    films: dict[str, int]
    """How many of its films, by the state of their job (see `EpisodeRow.job_state`)."""

    @property
    def waiting(self) -> int:
        """How many of them are still to be developed."""
        return self.films.get("pending", 0) + self.films.get("ready", 0)
