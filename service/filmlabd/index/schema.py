"""Which tables does the index have, and how does an older one become a newer one?"""

import sqlite3
from pathlib import Path

from filmlab.errors import BadInput

_FIRST = """
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE sessions (
    session INTEGER PRIMARY KEY, pid INTEGER, host TEXT, started INTEGER, parent INTEGER, umask INTEGER,
    durable_c INTEGER NOT NULL DEFAULT 0, durable_b INTEGER NOT NULL DEFAULT 0,
    opened_wall REAL, how TEXT NOT NULL DEFAULT '', ended_wall REAL);
CREATE TABLE session_metrics (
    session INTEGER, number INTEGER, name TEXT NOT NULL, PRIMARY KEY (session, number)) WITHOUT ROWID;
CREATE TABLE session_runs (
    session INTEGER, run INTEGER, writer_id INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (session, run)) WITHOUT ROWID;
CREATE TABLE refused_b (session INTEGER, seq INTEGER, PRIMARY KEY (session, seq)) WITHOUT ROWID;

CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, name TEXT NOT NULL, project TEXT NOT NULL, group_name TEXT NOT NULL, tags TEXT NOT NULL,
    directory TEXT NOT NULL, attempt INTEGER NOT NULL, config TEXT NOT NULL, summary TEXT NOT NULL,
    schedule TEXT NOT NULL, plan_version INTEGER NOT NULL, wanted TEXT NOT NULL DEFAULT '',
    next_episodes INTEGER NOT NULL DEFAULT 0, asked_by TEXT NOT NULL DEFAULT '', total_episodes INTEGER NOT NULL,
    fps REAL, umask INTEGER NOT NULL, created_wall REAL, updated_wall REAL, finished_wall REAL,
    episodes INTEGER NOT NULL DEFAULT 0, printed INTEGER NOT NULL DEFAULT 0);
CREATE INDEX runs_by_name ON runs (name);
CREATE TABLE writers (
    id INTEGER PRIMARY KEY, run_id TEXT NOT NULL, attempt INTEGER NOT NULL, writer TEXT NOT NULL,
    status TEXT NOT NULL, last_step INTEGER, UNIQUE (run_id, attempt, writer));

CREATE TABLE episodes (
    id INTEGER PRIMARY KEY, writer_id INTEGER NOT NULL, run_id TEXT NOT NULL, session INTEGER NOT NULL,
    film INTEGER NOT NULL, episode INTEGER NOT NULL, occurrence INTEGER NOT NULL,
    return REAL, length INTEGER NOT NULL DEFAULT 0, solved INTEGER, ended INTEGER NOT NULL DEFAULT 0,
    complete INTEGER NOT NULL DEFAULT 0, frames INTEGER NOT NULL DEFAULT 0, last_seq INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '', metadata TEXT NOT NULL DEFAULT '{}', wall REAL,
    provisional INTEGER NOT NULL DEFAULT 0, job_state TEXT NOT NULL, paths TEXT NOT NULL DEFAULT '',
    job_reason TEXT NOT NULL DEFAULT '', media_name TEXT NOT NULL DEFAULT '', media_mime TEXT NOT NULL DEFAULT '',
    media_step INTEGER, caption TEXT NOT NULL DEFAULT '', fps REAL);
CREATE INDEX episodes_by_run ON episodes (run_id);
CREATE INDEX episodes_filmed ON episodes (run_id) WHERE film > 0;
CREATE INDEX episodes_by_number ON episodes (writer_id, media_name, media_step, episode);
-- SQLite takes it only for what says `film > 0` itself.
CREATE UNIQUE INDEX episodes_by_film ON episodes (session, film) WHERE film > 0;
CREATE INDEX episodes_waiting ON episodes (job_state) WHERE job_state IN ('ready', 'pending');
CREATE INDEX episodes_open ON episodes (session) WHERE ended = 0;
CREATE TABLE steps (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, film INTEGER NOT NULL, first INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE INDEX steps_by_film ON steps (session, film, first);

CREATE TABLE series (
    id INTEGER PRIMARY KEY, writer_id INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (writer_id, name));
-- The data comes last: what a chunk is about is read without it.
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, series INTEGER NOT NULL, level INTEGER NOT NULL, count INTEGER NOT NULL,
    first_step INTEGER NOT NULL, last_step INTEGER NOT NULL, last_value REAL, finite INTEGER NOT NULL,
    least REAL, most REAL, total REAL, data BLOB NOT NULL);
CREATE INDEX chunks_by_series ON chunks (series, id, count);
CREATE INDEX chunks_to_merge ON chunks (series, level) WHERE level < 3;

CREATE TABLE prints (
    key TEXT PRIMARY KEY, run_id TEXT NOT NULL, kind TEXT NOT NULL, session INTEGER NOT NULL, film INTEGER NOT NULL,
    done INTEGER NOT NULL, paths TEXT NOT NULL, notes TEXT NOT NULL, strikes INTEGER NOT NULL,
    quarantined INTEGER NOT NULL, reason TEXT NOT NULL, cost_s REAL, wall REAL);
CREATE INDEX prints_by_run ON prints (run_id);
CREATE TABLE drops (
    run_id TEXT, what TEXT, reason TEXT, count INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    PRIMARY KEY (run_id, what, reason)) WITHOUT ROWID;
CREATE TABLE blocked (
    run_id TEXT PRIMARY KEY, counts TEXT NOT NULL, total_ns INTEGER NOT NULL, max_ns INTEGER NOT NULL) WITHOUT ROWID;

INSERT INTO state VALUES ('watermark', 0), ('unreadable', 0);
"""

_RECORDERS = """
CREATE TABLE recorders (
    session INTEGER, number INTEGER, writer_id INTEGER NOT NULL, run_id TEXT NOT NULL, kind TEXT NOT NULL,
    directory TEXT NOT NULL, prefix TEXT NOT NULL, title TEXT NOT NULL, fps REAL NOT NULL,
    save_metadata INTEGER NOT NULL, average_window INTEGER NOT NULL, column_prefix TEXT NOT NULL, colors TEXT NOT NULL,
    -- How many rows of its history are to be in its files; -1: all; NULL: nobody has asked.
    save_rows INTEGER, checkpoint_rows INTEGER, PRIMARY KEY (session, number)) WITHOUT ROWID;
CREATE INDEX recorders_by_run ON recorders (run_id);
CREATE TABLE traces (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, film INTEGER NOT NULL, part INTEGER NOT NULL,
    recorder INTEGER NOT NULL, stem TEXT NOT NULL, data BLOB NOT NULL, UNIQUE (session, film, part));
"""

# What a reader remembers of one index is not taken for that of another.
_IDENTITY = """
INSERT INTO state VALUES ('identity', random());
"""

_FORMATS = """
ALTER TABLE runs ADD COLUMN formats TEXT NOT NULL DEFAULT 'gif';
ALTER TABLE runs ADD COLUMN overlay TEXT NOT NULL DEFAULT '';
"""

_CLIPS = """
ALTER TABLE episodes ADD COLUMN tiles INTEGER NOT NULL DEFAULT 1;
ALTER TABLE episodes ADD COLUMN aspect REAL NOT NULL DEFAULT 1.0;
"""

_MEDIA = """
-- What is in the entry itself: texts, histograms, files.
CREATE TABLE media_data (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, film INTEGER NOT NULL, data BLOB NOT NULL,
    UNIQUE (session, film));
ALTER TABLE runs ADD COLUMN metrics TEXT NOT NULL DEFAULT '{}';
"""

_RESULTS = """
CREATE TABLE results (
    id INTEGER PRIMARY KEY, writer_id INTEGER NOT NULL, run_id TEXT NOT NULL, session INTEGER NOT NULL,
    film INTEGER NOT NULL, run_type TEXT NOT NULL, place TEXT NOT NULL, parts TEXT NOT NULL, summary TEXT NOT NULL,
    metadata TEXT NOT NULL, episodes INTEGER NOT NULL, steps_per_env INTEGER NOT NULL, global_step INTEGER NOT NULL,
    render TEXT NOT NULL, videos INTEGER NOT NULL, fps REAL NOT NULL, note TEXT NOT NULL, wall REAL NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0, last_seq INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'pending',
    paths TEXT NOT NULL DEFAULT '', problem TEXT NOT NULL DEFAULT '', UNIQUE (session, film));
CREATE INDEX results_by_run ON results (run_id);
CREATE TABLE surroundings (
    session INTEGER, writer_id INTEGER, python TEXT NOT NULL, path TEXT NOT NULL, directory TEXT NOT NULL,
    PRIMARY KEY (session, writer_id)) WITHOUT ROWID;
"""

_GONE = """
-- Why the film is not there any more; empty while it is. What was thrown away before this column has 'dropped' alone.
ALTER TABLE episodes ADD COLUMN film_gone TEXT NOT NULL DEFAULT '';
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _RECORDERS, _IDENTITY, _FORMATS, _CLIPS, _MEDIA, _RESULTS, _GONE)
"""Script n makes version n + 1 of version n. Only ever appended to."""
VERSION = len(MIGRATIONS)


def open_writer(path: Path) -> sqlite3.Connection:
    """The index for writing, brought up to this version.

    Raises:
        BadInput: it is of a newer version.
        sqlite3.DatabaseError: it is damaged, or no database.
    """
    db = sqlite3.connect(path, isolation_level=None, cached_statements=256, check_same_thread=False)
    try:
        version = _check_version(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        # Acknowledgements rest on the journal, so a commit that a power cut undoes is only applied again.
        db.execute("PRAGMA synchronous = NORMAL")
        if version < VERSION:
            # In one step: a reader must not meet a version between.
            scripts = "".join(MIGRATIONS[version:])
            db.executescript(f"BEGIN IMMEDIATE; {scripts} PRAGMA user_version = {VERSION}; COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def open_reader(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """The index for reading, also while a daemon writes it or when none runs.

    Raises:
        BadInput: it is of another version.
        sqlite3.OperationalError: there is none.
    """
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=busy_timeout_s, isolation_level=None)
    try:
        version = _check_version(db, path)
        if version < VERSION:
            if version == 0:
                raise sqlite3.OperationalError("it has no tables yet")
            raise BadInput(f"{path} is of version {version}, this filmlab reads {VERSION}: start its daemon once")
    except BaseException:
        db.close()
        raise
    return db


def signed(number: int) -> int:
    """An unsigned 64-bit number as SQLite's signed one."""
    return number - 2**64 if number >= 2**63 else number


def unsigned(number: int) -> int:
    """And back."""
    return number + 2**64 if number < 0 else number


def _check_version(db: sqlite3.Connection, path: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise BadInput(
            f"{path} was written by a newer filmlab (version {version}; this one knows {VERSION}): use that one; or"
            " remove the file while no daemon runs, and it is made again from the journal"
        )
    return version
