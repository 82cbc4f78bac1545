"""`filmlab sync`: hand over what trainers left behind while no daemon took it, and see it developed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from filmlab import spool
from filmlab.control import Control, NoDaemon
from filmlab.launch import ensure_daemon, find_daemon
from filmlab.paths import StatePaths
from filmlab.private import is_locked
from filmlab.progress import Display, Stage
from filmlab.words import plural, size
from filmlabd.cli.format import dump, printable
from filmlabd.index.read import NoIndex, Reader

START_TIMEOUT_S = 15.0
LOOK_EVERY_S = 0.2
ASK_EVERY_S = 2.0
ASK_TIMEOUT_S = 5.0
SILENT_S = 30.0
"""For so long no daemon may answer: one that was killed is started again by its trainers."""


@dataclass(frozen=True, slots=True)
class Left:
    """A spool as it was found."""

    session: int
    size_bytes: int
    pid: int
    """Of the process that writes or wrote it, 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class Came:
    """One run that a session handed over, and what has become of it."""

    run_id: str
    name: str
    project: str
    writer: str
    attempt: int
    status: str
    episodes: int
    films: int
    """How many of its films are developed."""
    waiting: int
    """How many of them are not yet."""
    failed: int
    """How many prints were given up."""
    printed: bool
    directory: str


@dataclass(slots=True)
class Report:
    """What was found, what came of it, and why that is not everything, if it is not."""

    state_dir: str
    daemon: str = "not needed"
    """`not needed`, `was running` or `started`."""
    adopted: list[Left] = field(default_factory=list)
    living: list[Left] = field(default_factory=list)
    """Of trainers that live: they hand theirs over by themselves."""
    came: dict[int, list[Came]] = field(default_factory=dict)
    problem: str = ""


def run(paths: StatePaths, wait_s: float | None, *, as_json: bool) -> tuple[list[str], bool]:
    """Hand everything over. Trouble: something is not durable, or its prints failed or are not there in time.

    Args:
        wait_s: how long to wait for the prints once everything is durable; None: as long as it takes.

    Raises:
        BadInput, Transient: a daemon is needed, and none can be started.
    """
    found = [_left(paths, number) for number in spool.sessions(paths.spool)]
    living = [left for left in found if spool.owner_alive(paths.spool, left.session)]
    report = Report(str(paths.state), adopted=[left for left in found if left not in living], living=living)
    unprinted = _unprinted(paths) if not is_locked(paths.daemon_lock) else set()
    if report.adopted or unprinted:
        report.daemon = "was running" if find_daemon(paths) is not None else "started"
        ensure_daemon(paths, START_TIMEOUT_S)
        display = Display()
        try:
            _hand_over(paths, report, unprinted, wait_s, display)
        finally:
            display.close()
    trouble = bool(report.problem or any(came.failed for runs in report.came.values() for came in runs))
    return ([_document(report)] if as_json else [printable(line) for line in _lines(report)]), trouble


def _left(paths: StatePaths, number: int) -> Left:
    return Left(number, spool.session_bytes(paths.spool, number), spool.read_owner(paths.spool, number).pid)


def _unprinted(paths: StatePaths) -> set[str]:
    """The runs that a daemon which is gone had not brought to their end."""
    try:
        with Reader(paths.index) as reader:
            return {run.run_id for run in reader.runs() if not run.printed}
    except NoIndex:
        return set()


def _hand_over(paths: StatePaths, report: Report, unprinted: set[str], wait_s: float | None, display: Display) -> None:
    """Wait until it is durable, then until it is printed; fill in what came."""
    numbers = [left.session for left in report.adopted]

    def adopted() -> Stage | None:
        done = sum(_is_taken_in(paths, number) for number in numbers)
        return Stage("handing over", "spools", done, len(numbers) - done) if done < len(numbers) else None

    report.problem = _wait(adopted, _Patience(paths), None, display)
    wanted = unprinted | {run_id for number in numbers for run_id, _, _ in _runs_of(paths, number)}
    # A fresh one: what was alive while it was being taken in is not any more.
    patience = _Patience(paths)

    def printed() -> Stage | None:
        return _developing(paths, wanted, patience.alive)

    if not report.problem and wait_s != 0:
        report.problem = _wait(printed, patience, wait_s, display)
    report.came = {number: _came(paths, _runs_of(paths, number)) for number in numbers}
    rest = unprinted - {came.run_id for runs in report.came.values() for came in runs}
    if rest:
        report.came[0] = _came(paths, [(run_id, "", 0) for run_id in sorted(rest)])


def _wait(look: Callable[[], Stage | None], patience: "_Patience", wait_s: float | None, display: Display) -> str:
    """Until `look` finds nothing that is left; why not, if it does not come to that."""
    began_at = time.monotonic()
    while (stage := look()) is not None:
        now = time.monotonic()
        problem = patience.problem(now)
        if problem:
            return problem
        if wait_s is not None and now - began_at >= wait_s:
            return f"the prints are not there yet after {wait_s:g} s; the daemon goes on"
        display.show(stage, now)
        time.sleep(LOOK_EVERY_S)
    return ""


class _Patience:
    """Whether it makes sense to go on waiting: somebody works on it, and can write."""

    def __init__(self, paths: StatePaths) -> None:
        self._paths = paths
        self._heard_at = time.monotonic()
        self._asked_at = float("-inf")
        self.alive: frozenset[str] = frozenset()
        """The runs that are still being trained, as the daemon said last."""

    def problem(self, now: float) -> str:
        """Why it does not, or nothing."""
        if now - self._asked_at < ASK_EVERY_S:
            return ""
        self._asked_at = now
        try:
            status = Control(self._paths, ASK_TIMEOUT_S).ask("status")
        except NoDaemon as error:
            return f"no daemon answers any more: {error}" if now - self._heard_at >= SILENT_S else ""
        self._heard_at = now
        self.alive = frozenset(status.get("runs", ()))
        return f"nothing can be written: {status['disk_full']}" if status.get("disk_full") else ""


def _is_taken_in(paths: StatePaths, number: int) -> bool:
    """Whether everything of a spool is durable: the daemon drops it then."""
    return number not in spool.sessions(paths.spool)


def _runs_of(paths: StatePaths, number: int) -> list[tuple[str, str, int]]:
    """(run id, writer, attempt) of each run that a session had."""
    try:
        with Reader(paths.index) as reader:
            row = reader.session(number)
    except NoIndex:
        return []
    return [] if row is None else [seat for _, seat in sorted((row.runs | row.closed_runs).items())]


def _developing(paths: StatePaths, wanted: set[str], alive: frozenset[str]) -> Stage | None:
    """What is still being made of these runs; those that somebody trains at this moment are not waited for."""
    with Reader(paths.index) as reader:
        progress = [reader.progress(run_id) for run_id in wanted - alive]
    if all(item.printed for item in progress):
        return None
    films = sum(sum(item.films.values()) for item in progress)
    waiting = sum(item.waiting for item in progress)
    return Stage("developing", "films", films - waiting, waiting) if waiting else Stage("drawing curves and pages")


def _came(paths: StatePaths, seats: list[tuple[str, str, int]]) -> list[Came]:
    with Reader(paths.index) as reader:
        known = {row.run_id: row for row in reader.runs()}
        failed = [row.run_id for row in reader.failures() if row.quarantined]
        out = []
        for run_id, writer, attempt in seats:
            if run_id not in known:
                continue
            row, progress = known[run_id], reader.progress(run_id)
            out.append(
                Came(
                    run_id, row.name, row.project, writer, attempt or row.attempt, row.status, row.episodes,
                    progress.films.get("done", 0), progress.waiting, failed.count(run_id), row.printed, row.directory,
                )
            )  # fmt: skip
        return out


def _document(report: Report) -> str:
    sessions = [
        {**asdict(left), "session": f"{left.session:016x}",
         "runs": [asdict(came) for came in report.came.get(left.session, [])]}
        for left in report.adopted
    ]  # fmt: skip
    return dump(
        {
            "state_dir": report.state_dir,
            "daemon": report.daemon,
            "sessions": sessions,
            "unfinished": [asdict(came) for came in report.came.get(0, [])],
            "living": [asdict(left) | {"session": f"{left.session:016x}"} for left in report.living],
            "problem": report.problem,
        }
    )


def _lines(report: Report) -> list[str]:
    lines = []
    for left in report.adopted:
        whose = f"of process {left.pid}" if left.pid else "of a process that is not known"
        lines.append(f"session {left.session:016x} {whose}: {size(left.size_bytes)}")
        lines += _run_lines(report.came.get(left.session, []))
        if not report.came.get(left.session) and not report.problem:
            lines.append("  no run came of it: see the daemon's log")
    if report.came.get(0):
        lines += ["left unfinished by a daemon that is gone:", *_run_lines(report.came[0])]
    for left in report.living:
        lines.append(
            f"process {left.pid or '?'} lives and has {size(left.size_bytes)} in its spool: it hands it over by itself"
        )
    if not (report.adopted or report.came):
        lines.append(f"nothing is left over in {report.state_dir}")
    elif not report.problem:
        lines.append(f"all is durable{'' if _missing(report) else ' and printed'}")
    return [*lines, *([report.problem] if report.problem else [])]


def _run_lines(runs: Sequence[Came]) -> list[str]:
    lines = []
    for came in runs:
        author = f", writer {came.writer}" if came.writer not in ("", "main") else ""
        again = f", attempt {came.attempt}" if came.attempt > 1 else ""
        words = [f"{came.status}{author}{again}", plural(came.episodes, "episode")]
        words += [f"{plural(came.films, 'film')} developed"]
        words += [f"{came.waiting} to be developed"] if came.waiting else []
        words += [f"{plural(came.failed, 'print')} given up (`filmlab ls` says why)"] if came.failed else []
        lines.append(f"  {came.run_id}  {came.name}  ({came.project})  {', '.join(words)}; in {came.directory}")
    return lines


def _missing(report: Report) -> bool:
    return any(not came.printed for runs in report.came.values() for came in runs)
