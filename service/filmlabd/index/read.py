"""What does the index answer? Reading alone, with or without a daemon: for workers, the command line and the page."""

import json
import math
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from filmlab.errors import BadInput, Corrupt, Transient
from filmlab.latency import Histogram
from filmlabd.index.films import FilmAnswers
from filmlabd.index.page import PageAnswers
from filmlabd.index.recorders import RecorderAnswers
from filmlabd.index.results import ResultsAnswers
from filmlabd.index.schema import open_reader, signed, unsigned
from filmlabd.index.series import SeriesAnswers, arrays_of
from filmlabd.index.state import load_histogram
from filmlabd.index.steps import join_steps
from filmlabd.model import (
    AttemptRow,
    DropRow,
    EpisodeRow,
    MetricRow,
    Points,
    PrintRow,
    Progress,
    RunRow,
    SessionRow,
    StepsRow,
)

BUSY_TIMEOUT_S = 5.0

_RUN = """
SELECT run_id, name, project, group_name, tags, directory,
    -- Of the latest attempt's writers: one that runs outweighs one that crashed, and that one those that finished.
    coalesce((SELECT w.status FROM writers w WHERE w.run_id = r.run_id AND w.attempt = r.attempt
        ORDER BY CASE w.status WHEN 'running' THEN 0 WHEN 'crashed' THEN 1 ELSE 2 END LIMIT 1), 'running'),
    attempt, config, summary, schedule, plan_version, wanted, next_episodes, asked_by, total_episodes, fps,
    created_wall, updated_wall, finished_wall, episodes, printed, umask, formats, overlay, metrics
FROM runs r
"""
_EPISODE = """
SELECT e.run_id, w.writer, w.attempt, e.episode, e.session, e.film, e.return, e.length, e.solved, e.ended, e.complete,
    e.frames, e.last_seq, e.reason, e.note, e.metadata, e.wall, e.occurrence, e.job_state, e.paths, e.job_reason,
    e.media_name, e.media_mime, e.media_step, e.caption, coalesce(e.fps, r.fps, 30.0), e.provisional,
    e.tiles, e.aspect, e.film_gone
FROM episodes e JOIN writers w ON w.id = e.writer_id LEFT JOIN runs r ON r.run_id = e.run_id
"""
_ATTEMPTS = """
SELECT w.attempt, w.writer, w.status, min(c.first_step), max(c.last_step),
    (SELECT count(*) FROM episodes e WHERE e.writer_id = w.id AND e.ended AND e.media_name = '')
FROM writers w LEFT JOIN series s ON s.writer_id = w.id AND s.name NOT LIKE 'episode/%'
    LEFT JOIN chunks c ON c.series = s.id
WHERE w.run_id = ? GROUP BY w.id ORDER BY w.attempt, w.writer
"""


class NoIndex(Transient):
    """There is no index yet: no daemon has ever run on this state directory."""


class Answers(RecorderAnswers, ResultsAnswers, SeriesAnswers, PageAnswers, FilmAnswers):
    """Every question, over one connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def runs(self) -> list[RunRow]:
        """All runs, the oldest first."""
        return [_run_row(row) for row in self._db.execute(f"{_RUN} ORDER BY created_wall, run_id")]

    def run(self, run: str) -> RunRow:
        """A run by its id, the beginning of its id, or its name.

        Raises:
            BadInput: no run is called that, or several are.
        """
        if run.encode("utf-8", "replace").decode() != run:
            # Bytes of a terminal that are no UTF-8: SQLite would not take them.
            raise BadInput(f"no run is called {run!r}")
        for condition in ("run_id = ?", "substr(run_id, 1, length(?1)) = ?1", "name = ?"):
            found = self._db.execute(f"{_RUN} WHERE {condition} ORDER BY created_wall, run_id", (run,)).fetchmany(6)
            if len(found) == 1:
                return _run_row(found[0])
            if found:
                ids = ", ".join(row[0] for row in found[:5]) + (", …" if len(found) > 5 else "")
                raise BadInput(f"several runs are called {run!r}: {ids}")
        raise BadInput(f"no run is called {run!r}")

    def called(self, name: str) -> list[str]:
        """The ids of runs of exactly this name, at most two: enough to tell none, one and several apart."""
        found = self._db.execute("SELECT run_id FROM runs WHERE name = ? ORDER BY run_id LIMIT 2", (name,))
        return [row[0] for row in found]

    def episodes(self, run_id: str, *, filmed: bool = False) -> list[EpisodeRow]:
        """A run's episodes and media, in the order they began. `filmed`: without the many that have no film."""
        condition = "AND e.film > 0" if filmed else ""
        return self._episodes(f"WHERE e.run_id = ? {condition} ORDER BY e.id", run_id)

    def endings(self, run_id: str) -> Iterator[tuple[float, int, bool]]:
        """(return, length, whether it is complete) of each episode that has ended, one in memory at a time."""
        found = self._db.execute(
            "SELECT return, length, complete FROM episodes WHERE run_id = ? AND ended AND media_name = '' ORDER BY id",
            (run_id,),
        )
        return ((_float(return_), length, bool(complete)) for return_, length, complete in found)

    def attempts(self, run_id: str) -> list[AttemptRow]:
        """Who wrote a run, by attempt and writer."""
        return [AttemptRow(*row) for row in self._db.execute(_ATTEMPTS, (run_id,))]

    def progress(self, run_id: str) -> Progress:
        """How far a run and its prints have come; quick enough to be asked for several times a second.

        Raises:
            BadInput: no run has this id.
        """
        run = self.run(run_id)
        return Progress(run.status, run.printed, run.episodes, run.total_episodes, self.film_states(run_id))

    def film_states(self, run_id: str) -> dict[str, int]:
        """How many films of a run's episodes and media stand how: the state of their job -> how many."""
        found = self._db.execute(
            "SELECT job_state, count(*) FROM episodes WHERE run_id = ? AND film > 0 GROUP BY job_state", (run_id,)
        )
        return dict(found.fetchall())

    def episode(self, session: int, film: int) -> EpisodeRow | None:
        """The episode or medium that a film is of."""
        found = self._episodes("WHERE e.session = ? AND e.film = ? AND e.film > 0", signed(session), film)
        return found[0] if found else None

    def medium_data(self, session: int, film: int) -> bytes | None:
        """What came in a medium's own entry; None where its contents are a film."""
        row = self._db.execute(
            "SELECT data FROM media_data WHERE session = ? AND film = ?", (signed(session), film)
        ).fetchone()
        return bytes(row[0]) if row is not None else None

    def jobs(self, state: str = "ready") -> list[EpisodeRow]:
        """Episodes and media whose job is in this state, in the order they began. `ready` does not say that the film
        is whole: that is when the session's stream B is durable up to `last_seq`."""
        return self._episodes("WHERE e.job_state = ? ORDER BY e.id", state)

    def open_episodes(self) -> list[EpisodeRow]:
        """Episodes with a film that have begun and not ended, of any session."""
        return self._episodes("WHERE e.ended = 0 ORDER BY e.id")

    def steps(self, session: int, film: int) -> StepsRow:
        """Actions and rewards of a film's episode, as far as they have come."""
        rows = self._db.execute(
            "SELECT first, body FROM steps WHERE session = ? AND film = ? ORDER BY first, id", (signed(session), film)
        ).fetchall()
        return replace(join_steps(body for _, body in rows), first=rows[0][0] if rows else 0)

    def metrics(self, run_id: str) -> list[MetricRow]:
        """A run's metrics by name, attempt and writer, without reading their points."""
        rows = self._db.execute(
            "SELECT w.run_id, w.writer, w.attempt, s.name, sum(c.count), l.last_step, l.last_value, min(c.least),"
            " max(c.most) FROM writers w JOIN series s ON s.writer_id = w.id JOIN chunks c ON c.series = s.id"
            " JOIN chunks l ON l.id = (SELECT max(id) FROM chunks WHERE series = s.id)"
            " WHERE w.run_id = ? GROUP BY s.id ORDER BY s.name, w.attempt, w.writer",
            (run_id,),
        )
        return [
            MetricRow(run, writer, attempt, name, count, step, _float(last), _float(least), _float(most))
            for run, writer, attempt, name, count, step, last, least, most in rows
        ]

    def mean(self, run_id: str, name: str) -> float:
        """Of all finite values of a metric; NaN where there is none. Its last digit is as the chunks were merged."""
        row = self._db.execute(
            "SELECT sum(c.total), sum(c.finite) FROM writers w JOIN series s ON s.writer_id = w.id"
            " JOIN chunks c ON c.series = s.id WHERE w.run_id = ? AND s.name = ?",
            (run_id, name),
        ).fetchone()
        return row[0] / row[1] if row[1] else math.nan

    def points(self, run_id: str, name: str) -> list[Points]:
        """The points of one metric: one item for each attempt and writer that logged it, in that order."""
        out = []
        found = self._db.execute(
            "SELECT s.id, w.writer, w.attempt FROM writers w JOIN series s ON s.writer_id = w.id"
            " WHERE w.run_id = ? AND s.name = ? ORDER BY w.attempt, w.writer",
            (run_id, name),
        )
        for series, writer, attempt in found.fetchall():
            out.append(Points(run_id, writer, attempt, name, *arrays_of(self._db, series)))
        return out

    def prints(self, run_id: str) -> list[PrintRow]:
        """What is known of every job of a run that has been tried, by key."""
        return [
            _print_row(row) for row in self._db.execute("SELECT * FROM prints WHERE run_id = ? ORDER BY key", (run_id,))
        ]

    def failures(self) -> list[PrintRow]:
        """Jobs of any run that have failed since they were last done, by key."""
        return [_print_row(row) for row in self._db.execute("SELECT * FROM prints WHERE strikes > 0 ORDER BY key")]

    def drops(self, run_id: str) -> list[DropRow]:
        """What clients could not hand over of a run, summed by kind and reason."""
        rows = self._db.execute(
            "SELECT run_id, what, count, size_bytes, reason FROM drops WHERE run_id = ? ORDER BY what, reason",
            (run_id,),
        )
        return [DropRow(*row) for row in rows]

    def blocked(self, run_id: str) -> Histogram:
        """How long a run's training threads were inside filmlab; empty when nothing is known."""
        return load_histogram(self._db, run_id)

    def session(self, session: int) -> SessionRow | None:
        """What is known of a session, ended or not."""
        found = self._sessions("WHERE session = ?", signed(session))
        return found[0] if found else None

    def sessions(self) -> list[SessionRow]:
        """The sessions that have not ended, in the order of their beginning."""
        return self._sessions("WHERE how = '' AND pid IS NOT NULL ORDER BY opened_wall, session")

    def ended_sessions(self, most: int) -> list[int]:
        """At most so many sessions that have ended: the last ones to do so, in this order."""
        rows = self._db.execute(
            "SELECT session FROM sessions WHERE how != '' ORDER BY ended_wall DESC LIMIT ?", (most,)
        )
        return [unsigned(key) for (key,) in reversed(rows.fetchall())]

    def unreadable(self) -> int:
        """How many records and entries of the journal could not be understood."""
        return int(self._db.execute("SELECT value FROM state WHERE name = 'unreadable'").fetchone()[0])

    def _episodes(self, condition: str, *values: Any) -> list[EpisodeRow]:
        return [_episode_row(row) for row in self._db.execute(_EPISODE + condition, values)]

    def _sessions(self, condition: str, *values: Any) -> list[SessionRow]:
        rows = self._db.execute(
            f"SELECT session, pid, host, started, durable_c, durable_b, umask, parent, how FROM sessions {condition}",
            values,
        )
        return [self._session_row(row) for row in rows.fetchall()]

    def _session_row(self, row: tuple[Any, ...]) -> SessionRow:
        key, pid, host, started, durable_c, durable_b, umask, parent, how = row
        runs: dict[int, tuple[str, str, int]] = {}
        closed: dict[int, tuple[str, str, int]] = {}
        found = self._db.execute(
            "SELECT s.run, s.closed, w.status, w.run_id, w.writer, w.attempt FROM session_runs s"
            " JOIN writers w ON w.id = s.writer_id WHERE s.session = ? ORDER BY s.run",
            (key,),
        )
        finishing: dict[int, str] = {}
        for run, is_closed, status, *writer in found:
            (closed if is_closed else runs)[run] = (writer[0], writer[1], writer[2])
            if not is_closed and status != "running":
                finishing[run] = status
        refused = self._db.execute("SELECT seq FROM refused_b WHERE session = ?", (key,))
        return SessionRow(
            session=unsigned(key),
            pid=pid or 0,
            host=host or "",
            started=unsigned(started or 0),
            durable_c=durable_c,
            durable_b=durable_b,
            runs=runs,
            finishing=finishing,
            metrics=dict(self._db.execute("SELECT number, name FROM session_metrics WHERE session = ?", (key,))),
            closed_runs=closed,
            refused_b=frozenset(seq for (seq,) in refused),
            umask=0o077 if umask is None else umask,
            parent=unsigned(parent or 0),
            ended=how != "",
        )


class Reader(Answers):
    """The index of a state directory, opened for reading only.

    Raises:
        NoIndex: there is none yet.
        BadInput: it is of another version of filmlab.
        Corrupt: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            db = open_reader(path, BUSY_TIMEOUT_S)
        except sqlite3.OperationalError as error:
            raise NoIndex(f"no index at {path}: {error}") from None
        except sqlite3.DatabaseError as error:
            raise Corrupt(f"{path} is damaged ({error}); the daemon makes it again when it starts") from None
        super().__init__(db)

    def close(self) -> None:
        """Close it. A reader is also a context manager."""
        self._db.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _float(value: float | None) -> float:
    """SQLite keeps NaN as NULL."""
    return math.nan if value is None else value


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()


def _run_row(row: tuple[Any, ...]) -> RunRow:
    run_id, name, project, group, tags, directory, status, attempt, config, summary, *rest = row
    schedule, plan_version, wanted, next_episodes, asked_by, total_episodes, fps, *rest = rest
    created, updated, finished, episodes, printed, umask, formats, overlay, metrics = rest
    return RunRow(
        run_id, name, project, group, tuple(json.loads(tags)), directory, status, attempt, json.loads(config),
        json.loads(summary), schedule, plan_version, wanted, next_episodes, asked_by, total_episodes, _float(fps),
        created or 0.0, updated or 0.0, finished, episodes, bool(printed), umask, _lines(formats), _lines(overlay),
        json.loads(metrics),
    )  # fmt: skip


def _episode_row(row: tuple[Any, ...]) -> EpisodeRow:
    run_id, writer, attempt, episode, session, film, return_, length, solved, ended, complete, *rest = row
    frames, last_seq, reason, note, metadata, wall, occurrence, job_state, paths, *rest = rest
    job_reason, media_name, media_mime, media_step, caption, fps, provisional, tiles, aspect, film_gone = rest
    return EpisodeRow(
        run_id, writer, attempt, episode, unsigned(session), film, _float(return_), length,
        None if solved is None else bool(solved), bool(ended), bool(complete), frames, last_seq, reason, note,
        json.loads(metadata), wall or 0.0, occurrence, job_state, _lines(paths), job_reason, media_name, media_mime,
        media_step, caption, fps, bool(provisional), tiles, aspect, film_gone,
    )  # fmt: skip


def _print_row(row: tuple[Any, ...]) -> PrintRow:
    key, run_id, kind, session, film, done, paths, notes, strikes, quarantined, reason, cost_s, wall = row
    return PrintRow(
        key, run_id, kind, unsigned(session), film, bool(done), _lines(paths), _lines(notes), strikes,
        bool(quarantined), reason, cost_s or 0.0, wall or 0.0,
    )  # fmt: skip
