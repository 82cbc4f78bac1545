"""What goes from the index with a run? Everything that is the run's own; its sessions may have others, and stay."""

import sqlite3

from filmlabd.index.state import State

_OF_EPISODES = "(session, film) IN (SELECT session, film FROM episodes WHERE run_id = ?1 AND film > 0)"
_OF_WRITERS = "writer_id IN (SELECT id FROM writers WHERE run_id = ?1)"
_REMOVALS = (
    f"DELETE FROM steps WHERE {_OF_EPISODES}",
    f"DELETE FROM traces WHERE {_OF_EPISODES}",
    f"DELETE FROM media_data WHERE {_OF_EPISODES}",
    f"DELETE FROM surroundings WHERE {_OF_WRITERS}",
    f"DELETE FROM chunks WHERE series IN (SELECT id FROM series WHERE {_OF_WRITERS})",
    f"DELETE FROM series WHERE {_OF_WRITERS}",
    # Writer 0 stands for a run that the session may not write to: what still comes of it is passed over.
    f"UPDATE session_runs SET writer_id = 0, closed = 1 WHERE {_OF_WRITERS}",
    *(
        f"DELETE FROM {table} WHERE run_id = ?1"
        for table in ("episodes", "recorders", "results", "prints", "drops", "blocked", "writers", "runs")
    ),
)


def remove_run(db: sqlite3.Connection, state: State, run_id: str) -> None:
    """Within whatever transaction is open; what is buffered of the run has been written before."""
    for statement in _REMOVALS:
        db.execute(statement, (run_id,))
    state.forget_run(run_id)
