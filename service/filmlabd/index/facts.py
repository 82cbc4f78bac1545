"""What does one fact born in the daemon change in the index?"""

import sqlite3
from typing import assert_never

import numpy as np

from filmlab.errors import WireError
from filmlab.wire.frame import Envelope
from filmlab.wire.messages import Stream
from filmlabd.facts import (
    EpisodeCut,
    FilmDeleted,
    FilmJudged,
    JobDone,
    JobStruck,
    PlanChanged,
    RecordRefused,
    ResultsCut,
    RunClosed,
    RunOpened,
    RunPrinted,
    RunRefused,
    RunRemoved,
    SessionEnded,
    SessionOpened,
    read_fact,
)
from filmlabd.index.columns import Columns
from filmlabd.index.removal import remove_run
from filmlabd.index.results import ResultsEntries
from filmlabd.index.runs import close_writer, refuse_run
from filmlabd.index.schema import signed
from filmlabd.index.state import State, clean
from filmlabd.index.steps import join_steps
from filmlabd.model import JobKind

_EPISODE_JOBS = frozenset({JobKind.EPISODE, JobKind.MEDIA})


class Facts:
    """Applies facts, within whatever transaction its caller has open."""

    def __init__(self, db: sqlite3.Connection, state: State, columns: Columns) -> None:
        self._db = db
        self._state = state
        self._results = ResultsEntries(db)
        self._columns = columns

    def apply(self, envelope: Envelope) -> None:
        """One fact. One that this version cannot read is counted and passed over."""
        try:
            fact = read_fact(envelope)
        except WireError:
            self._state.unreadable += 1
            return
        match fact:
            case SessionOpened():
                self._session_opened(fact)
            case SessionEnded():
                self._session_ended(fact)
            case RunOpened():
                # A new attempt goes on from the last step of the one before.
                self._state.write_steps()
                self._state.open_writer(fact.session, fact.run, fact.run_id, fact.writer, fact.attempt)
            case RunRefused():
                refuse_run(self._db, fact.session, fact.run)
            case RunClosed():
                self._run_closed(fact)
            case EpisodeCut():
                self._cut(fact)
            case ResultsCut():
                self._results.cut(fact)
            case FilmJudged():
                self._judged(fact)
            case FilmDeleted():
                self._deleted(fact)
            case RecordRefused():
                self._refused(fact)
            case PlanChanged():
                self._db.execute(
                    "UPDATE runs SET plan_version = ?, schedule = ?, wanted = ?, next_episodes = ?, asked_by = ?"
                    " WHERE run_id = ?",
                    (fact.version, fact.schedule, fact.wanted, fact.next_episodes, fact.asked_by, fact.run_id),
                )
            case JobDone():
                self._job_done(fact)
            case JobStruck():
                self._job_struck(fact)
            case RunPrinted():
                self._db.execute("UPDATE runs SET printed = 1 WHERE run_id = ?", (fact.run_id,))
            case RunRemoved():
                # What is buffered of its metrics would come back with the next flush.
                self._columns.flush()
                remove_run(self._db, self._state, fact.run_id)
            case _:
                assert_never(fact)

    def _session_opened(self, fact: SessionOpened) -> None:
        self._db.execute(
            "INSERT INTO sessions (session, pid, host, started, parent, umask, opened_wall)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET pid = excluded.pid, host = excluded.host, started = excluded.started,"
            " parent = excluded.parent, umask = excluded.umask, how = '', ended_wall = NULL",
            (
                signed(fact.session), signed(fact.pid), clean(fact.host), signed(fact.started), signed(fact.parent),
                signed(fact.umask), fact.wall,
            ),
        )  # fmt: skip

    def _session_ended(self, fact: SessionEnded) -> None:
        key = signed(fact.session)
        self._db.execute("UPDATE sessions SET how = ?, ended_wall = ? WHERE session = ?", (fact.how, fact.wall, key))
        # Of a run that it opened and never began (its RunBegin is lost) nobody says that it is closed.
        self._db.execute(
            "UPDATE writers SET status = 'crashed' WHERE status = 'running' AND id IN"
            " (SELECT writer_id FROM session_runs WHERE session = ? AND closed = 0) AND NOT EXISTS"
            " (SELECT 1 FROM session_runs o WHERE o.writer_id = writers.id AND o.closed = 0 AND o.session != ?)",
            (key, key),
        )

    def _run_closed(self, fact: RunClosed) -> None:
        writer = self._state.session(fact.session).runs.get(fact.run)
        if writer is not None:
            close_writer(self._db, fact.session, fact.run, writer, fact.status, fact.wall)
            self._state.touch(writer.run_id, fact.wall)

    def _cut(self, fact: EpisodeCut) -> None:
        key = (signed(fact.session), fact.film)
        row = self._db.execute(
            "SELECT run_id, ended, provisional, job_state, note, media_name FROM episodes"
            " WHERE session = ? AND film = ? AND film > 0",
            key,
        ).fetchone()
        if row is None:
            return
        run_id, ended, provisional, job_state, note, medium = row
        if job_state == "pending" and not provisional:
            job_state = "ready"
        note = "; ".join(text for text in (note, clean(fact.note)) if text)
        # last_seq 0: nothing more of this film will come, so nothing is waited for.
        self._db.execute(
            "UPDATE episodes SET frames = ?, note = ?, last_seq = 0, job_state = ?"
            " WHERE session = ? AND film = ? AND film > 0",
            (fact.frames, note, job_state, *key),
        )
        if ended:
            return
        if medium:
            self._db.execute("UPDATE episodes SET ended = 1 WHERE session = ? AND film = ? AND film > 0", key)
            return
        bodies = self._db.execute("SELECT body FROM steps WHERE session = ? AND film = ? ORDER BY first, id", key)
        steps = join_steps(body for (body,) in bodies)
        self._db.execute(
            "UPDATE episodes SET return = ?, length = ?, ended = 1, complete = 0, wall = ?"
            " WHERE session = ? AND film = ? AND film > 0",
            (float(np.sum(steps.rewards)), max(len(steps.rewards), len(steps.actions)), fact.wall, *key),
        )
        self._state.touch(run_id, fact.wall, episodes=1)

    def _judged(self, fact: FilmJudged) -> None:
        key = (signed(fact.session), fact.film)
        reason = clean(fact.reason)
        if fact.kept:
            self._db.execute(
                "UPDATE episodes SET provisional = 0, reason = CASE WHEN ? != '' THEN ? ELSE reason END,"
                " job_state = CASE WHEN job_state NOT IN ('pending', 'dropped') THEN job_state"
                " WHEN ended THEN 'ready' ELSE 'pending' END WHERE session = ? AND film = ? AND film > 0",
                (reason, reason, *key),
            )
        else:
            self._db.execute(
                "UPDATE episodes SET provisional = 0, job_state = 'dropped', job_reason = ?"
                " WHERE session = ? AND film = ? AND film > 0",
                (reason, *key),
            )

    def _deleted(self, fact: FilmDeleted) -> None:
        key = signed(fact.session)
        raise_durable_b(self._db, fact.session, fact.durable_b)
        self._results.deleted(fact)
        reason = clean(fact.reason) or "deleted"
        self._db.execute(
            "UPDATE episodes SET job_state = 'dropped', job_reason = ?"
            " WHERE session = ? AND film = ? AND film > 0 AND job_state IN ('pending', 'ready')",
            (reason, key, fact.film),
        )
        self._db.execute(
            "UPDATE episodes SET job_state = 'dropped', job_reason = 'its print was given up (' || job_reason ||"
            " '), and its film is gone: ' || ? WHERE session = ? AND film = ? AND film > 0 AND job_state = 'failed'",
            (reason, key, fact.film),
        )
        # Why it failed is no trouble any more: nobody can mend it.
        self._db.execute(
            "UPDATE prints SET strikes = 0, quarantined = 0"
            " WHERE session = ? AND film = ? AND film > 0 AND quarantined",
            (key, fact.film),
        )
        self._db.execute(
            "UPDATE episodes SET film_gone = ? WHERE session = ? AND film = ? AND film > 0", (reason, key, fact.film)
        )

    def _refused(self, fact: RecordRefused) -> None:
        if fact.stream == Stream.C:
            session = self._state.session(fact.session)
            session.durable_c = max(session.durable_c, fact.seq)
            session.dirty = True
        else:
            self._db.execute("INSERT OR IGNORE INTO refused_b VALUES (?, ?)", (signed(fact.session), fact.seq))

    def _job_done(self, fact: JobDone) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO prints VALUES (?, ?, ?, ?, ?, 1, ?, ?, 0, 0, '', ?, ?)",
            (
                fact.key, fact.run_id, fact.kind, signed(fact.session), fact.film, clean(fact.paths), clean(fact.notes),
                fact.cost_s, fact.wall,
            ),
        )  # fmt: skip
        if fact.kind == JobKind.RESULTS:
            self._results.done(fact)
        if fact.kind in _EPISODE_JOBS and fact.film:
            self._db.execute(
                "UPDATE episodes SET job_state = 'done', paths = ?, job_reason = ?"
                " WHERE session = ? AND film = ? AND film > 0",
                (clean(fact.paths), clean(fact.notes), signed(fact.session), fact.film),
            )

    def _job_struck(self, fact: JobStruck) -> None:
        self._db.execute(
            "INSERT INTO prints VALUES (?, ?, ?, ?, ?, 0, '', '', ?, ?, ?, 0.0, ?) ON CONFLICT DO UPDATE SET"
            " strikes = excluded.strikes, quarantined = excluded.quarantined, reason = excluded.reason,"
            " wall = excluded.wall",
            (
                fact.key, fact.run_id, fact.kind, signed(fact.session), fact.film, fact.strikes, fact.final,
                clean(fact.reason), fact.wall,
            ),
        )  # fmt: skip
        if fact.final and fact.kind == JobKind.RESULTS:
            self._results.struck(fact)
        if fact.final and fact.kind in _EPISODE_JOBS and fact.film:
            self._db.execute(
                "UPDATE episodes SET job_state = 'failed', job_reason = ?"
                " WHERE session = ? AND film = ? AND film > 0 AND job_state NOT IN ('done', 'dropped')",
                (clean(fact.reason), signed(fact.session), fact.film),
            )


def raise_durable_b(db: sqlite3.Connection, session: int, durable_b: int) -> None:
    """Stream B of a session is durable up to here, at least."""
    key = signed(session)
    db.execute(
        "INSERT INTO sessions (session, durable_b) VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET durable_b = max(durable_b, excluded.durable_b)",
        (key, durable_b),
    )
    db.execute("DELETE FROM refused_b WHERE session = ? AND seq <= ?", (key, durable_b))
