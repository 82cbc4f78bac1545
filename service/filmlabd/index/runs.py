"""What does the beginning, a change or the end of a run change in its rows? Shared by entries and facts."""

import json
import sqlite3

from filmlab.schedule.asked import Asked, is_asked
from filmlab.schedule.ranges import format_ranges, parse_ranges
from filmlab.wire.entries import EpisodeBegin, RunBegin, RunUpdate
from filmlabd.index.recorders import save_all
from filmlabd.index.schema import signed
from filmlabd.index.state import State, Writer, clean, dump

_NO_WRITER = 0
"""In place of a writer's id, which begin at 1: the session was not let into this run."""


def begin_run(db: sqlite3.Connection, state: State, session: int, entry: RunBegin) -> None:
    """A run's first beginning makes its row; a further attempt changes what may change; a further writer nothing."""
    writer = state.session(session).runs.get(entry.run)
    if writer is None and _is_refused(db, session, entry.run):
        return
    if writer is None:
        # Its RunOpened is lost (damage): what the record itself says is the best there is.
        writer = state.open_writer(session, entry.run, entry.run_id, entry.writer, 1)
    umask = db.execute("SELECT umask FROM sessions WHERE session = ?", (signed(session),)).fetchone() or (None,)
    if umask[0] is None:
        umask = (0o077,)
    shown = "\n".join(entry.formats), "\n".join(entry.overlay)
    row = db.execute("SELECT attempt, config FROM runs WHERE run_id = ?", (writer.run_id,)).fetchone()
    if row is None:
        db.execute(
            "INSERT INTO runs (run_id, name, project, group_name, tags, directory, attempt, config, summary, schedule,"
            " plan_version, total_episodes, fps, umask, created_wall, updated_wall, formats, overlay)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', ?, 1, ?, ?, ?, ?, ?, ?, ?)",
            (
                writer.run_id, entry.name, entry.project, entry.group, json.dumps(entry.tags), clean(entry.directory),
                writer.attempt, dump(entry.config), clean(entry.schedule), entry.total_episodes, entry.fps, *umask,
                entry.wall, entry.wall, *shown,
            ),
        )  # fmt: skip
        return
    if writer.attempt > row[0]:
        # The directory and the project stay: what is printed there belongs to this run.
        config = json.loads(row[1]) | entry.config
        db.execute(
            "UPDATE runs SET name = ?, group_name = ?, tags = ?, attempt = ?, config = ?, schedule = ?,"
            " plan_version = plan_version + 1, total_episodes = ?, fps = ?, umask = ?, formats = ?, overlay = ?"
            " WHERE run_id = ?",
            (
                entry.name, entry.group, json.dumps(entry.tags), writer.attempt, dump(config), clean(entry.schedule),
                entry.total_episodes, entry.fps, *umask, *shown, writer.run_id,
            ),
        )  # fmt: skip
    db.execute("UPDATE runs SET printed = 0, finished_wall = NULL WHERE run_id = ?", (writer.run_id,))
    state.touch(writer.run_id, entry.wall)


def use_up_request(db: sqlite3.Connection, run_id: str, begin: EpisodeBegin) -> None:
    """An episode that is captured because somebody asked for it is asked for no more. As `Run.episode_began` has it."""
    if not is_asked(begin.reason):
        return
    row = db.execute("SELECT wanted, next_episodes, plan_version FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is not None:
        left = Asked(parse_ranges(row[0]), row[1]).after(begin.episode, of_next=begin.plan_version == row[2])
        db.execute(
            "UPDATE runs SET wanted = ?, next_episodes = ? WHERE run_id = ?",
            (format_ranges(left.wanted), left.next_episodes, run_id),
        )


def refuse_run(db: sqlite3.Connection, session: int, run: int) -> None:
    """The session's run number stands for nothing: what comes under it is passed over."""
    db.execute("INSERT OR REPLACE INTO session_runs VALUES (?, ?, ?, 1)", (signed(session), run, _NO_WRITER))


def _is_refused(db: sqlite3.Connection, session: int, run: int) -> bool:
    found = db.execute(
        "SELECT 1 FROM session_runs WHERE session = ? AND run = ? AND writer_id = ?", (signed(session), run, _NO_WRITER)
    )
    return found.fetchone() is not None


def update_run(db: sqlite3.Connection, run_id: str, entry: RunUpdate) -> None:
    """Set keys of a run's configuration, summary and metrics."""
    changes = {"config": entry.config, "summary": entry.summary, "metrics": entry.metrics}
    for column, values in changes.items():
        if not values:
            continue
        row = db.execute(f"SELECT {column} FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        if row is not None:
            merged = dump(json.loads(row[0]) | values)
            db.execute(f"UPDATE runs SET {column} = ? WHERE run_id = ?", (merged, run_id))


def close_writer(db: sqlite3.Connection, session: int, run: int, writer: Writer, status: str, wall: float) -> None:
    """A writer has come to its end, and nothing more is to come of it."""
    db.execute("UPDATE session_runs SET closed = 1 WHERE session = ? AND run = ?", (signed(session), run))
    finish_writer(db, session, writer, status, wall)


def finish_writer(db: sqlite3.Connection, session: int, writer: Writer, status: str, wall: float) -> None:
    """A writer says that it is done; its last frames may still be on their way. With the last one, so is the run."""
    db.execute("UPDATE writers SET status = ? WHERE id = ?", (clean(status), writer.id))
    alive = db.execute(
        "SELECT 1 FROM writers WHERE run_id = ? AND attempt = ? AND status = 'running'", (writer.run_id, writer.attempt)
    )
    if alive.fetchone() is None:
        db.execute(
            "UPDATE runs SET finished_wall = ? WHERE run_id = ? AND attempt = ?", (wall, writer.run_id, writer.attempt)
        )
    if status == "crashed":
        save_all(db, session, writer.run_id)
