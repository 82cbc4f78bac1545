"""What does the index say of all films at once?"""

import math
import sqlite3
from collections.abc import Iterator

from filmlabd.index.schema import unsigned
from filmlabd.model import FilmRow

_FILMS = """
SELECT e.session, e.film, e.run_id, w.writer, w.attempt, e.media_name, coalesce(e.media_step, e.episode), e.return,
    e.complete, e.wall, e.job_state, e.film_gone
FROM episodes e JOIN writers w ON w.id = e.writer_id WHERE e.film > 0
"""
# Written ones are of no use any more; in a session that lives they end with a fact that says how far it is durable.
_RESULTS = """
SELECT r.session, r.film, r.run_id, r.wall, r.state,
    r.state = 'dropped' OR (r.state = 'done' AND r.session IN (SELECT session FROM sessions WHERE how != ''))
FROM results r
"""


class FilmAnswers:
    """Questions about films, for `Answers`."""

    _db: sqlite3.Connection

    def films(self) -> Iterator[FilmRow]:
        """Every film that there is or was, whether or not its file lies there."""
        for row in self._db.execute(_FILMS):
            session, film, run_id, writer, attempt, medium, episode, return_, complete, wall, state, gone = row
            known = complete and not medium and return_ is not None
            yield FilmRow(
                unsigned(session), film, run_id, f"{writer} {attempt} {medium}", episode,
                return_ if known else math.nan, wall or 0.0, state == "done", state in ("ready", "pending"),
                state == "failed", bool(gone) or state == "dropped", bool(medium),
            )  # fmt: skip

        for session, film, run_id, wall, state, gone in self._db.execute(_RESULTS):
            yield FilmRow(
                unsigned(session), film, run_id, "results", 0, math.nan, wall, False, state in ("pending", "ready"),
                False, bool(gone), True,
            )  # fmt: skip

    def spent_sessions(self) -> frozenset[int]:
        """Sessions that are over and have nothing but removed runs: what they said is of no use to anybody."""
        found = self._db.execute(
            "SELECT session FROM session_runs WHERE session IN (SELECT session FROM sessions WHERE how != '')"
            " GROUP BY session HAVING max(writer_id) = 0"
        )
        return frozenset(unsigned(session) for (session,) in found)

    def sessions_known(self) -> set[int]:
        """All sessions that the journal has ever named."""
        return {unsigned(session) for (session,) in self._db.execute("SELECT session FROM sessions")}

    def sessions_over(self) -> set[int]:
        """The sessions that are over: nothing more of them will come into the index."""
        return {unsigned(session) for (session,) in self._db.execute("SELECT session FROM sessions WHERE how != ''")}
