"""One sample of everything on the wire, and Hypothesis strategies for the rest: what the tests of the wire share."""

import struct
import sys
from dataclasses import MISSING, fields
from typing import Any, get_args

from hypothesis import strategies as st

from filmlab.wire import chunks, messages
from filmlab.wire.chunks import FRAMES_MAX, Film
from filmlab.wire.entries import (
    DTYPES,
    AxisSnapshot,
    Blocked,
    ClipBegin,
    Column,
    Dropped,
    Entry,
    EpisodeBegin,
    EpisodeEnd,
    Flush,
    Media,
    MetricNames,
    Recorder,
    RecorderAsk,
    Results,
    ResultsEnd,
    RunBegin,
    RunFinish,
    RunUpdate,
    Snapshot,
    StepColumn,
    Steps,
    Surroundings,
    Trace,
    Wish,
    decode_entries,
    encode_entry,
    pack_json_column,
    seal_entries,
)
from filmlab.wire.frame import SEQ_MAX, Envelope
from filmlab.wire.head import NO_STEP, NUMBER_MAX
from filmlab.wire.jsonbody import EXACT_MAX
from filmlab.wire.meta import RANGES, WHOLE_MAX
from filmlab.wire.names import clean_metric, clean_text
from filmlab.wire.recorder_entries import RECORDER_KINDS
from filmlab.wire.results_entries import PARTS, RUN_TYPES
from filmlab.wire.run_entries import FORMATS, OVERLAYS

SESSION = 0x1122334455667788
MESSAGE_TYPES: tuple[type[Any], ...] = get_args(messages.Message)
ENTRY_TYPES: tuple[type[Any], ...] = get_args(Entry)

MESSAGES: tuple[messages.Message, ...] = (
    messages.Hello(4242, "node-7", started=99, client_version="0.1.0", parent_session=2**64 - 1, umask=0o022),
    messages.Welcome(2**63 + 5, 10, 12, 0, 1, 1 << 20, daemon_version="0.1.0"),
    messages.Plan(0, 3, "every:100 + last:1", wanted="12,40-45", next_episodes=2, asked_by="ann", counted=1),
    messages.Ack(10, 2**40, 4 << 20),
    messages.Print(0, "episode", True, episode=7, path="episodes/episode_000007.gif", token=2**64 - 1, film=9),
    messages.Busy("disk is full", 2.5),
    messages.Resync(messages.Stream.B, 8),
    messages.Ping(1),
    messages.Pong(1),
    messages.Error("bad-input", "no such thing", stream=1, seq=9, run=3),
    messages.Bye(),
    messages.Drain("an upgrade"),
)
ENTRIES: tuple[Entry, ...] = (
    RunBegin(
        run=0, wall=1.5, run_id="ab12cd34", writer="main", project="maze", name="größer", directory="/tmp/x/filmlab",
        group="g", tags=("a", "b"), config={"lr": 0.001, "net": {"layers": [64, 64]}}, schedule="every:100",
        total_episodes=1000, fps=30.0, formats=("gif", "mp4"), overlay=("return", "step"),
    ),
    MetricNames(run=0, wall=1.5, names=((0, "loss"), (1, "train/return"))),
    Snapshot(run=0, wall=1.5, step=-3, ids=bytes(8), values=bytes(16)),
    EpisodeBegin(run=0, wall=1.5, episode=7, film=1, reason="every 100", provisional=True, plan_version=3),
    Steps(
        run=0, wall=1.5, episode=7, step=0, film=1,
        columns=(
            StepColumn(column=Column.ACTION, dtype=1, count=2, shape=(3,), data=bytes(24)),
            StepColumn(column=Column.REWARD, dtype=0, count=2, data=bytes(16)),
        ),
    ),
    EpisodeEnd(
        run=0, wall=1.5, episode=7, return_=-12.5, length=200, solved=True, film=1, frames=201, last_seq=9,
        metadata={"seed": 3}, reason="every 100", note="film ends at frame 40", complete=False,
    ),
    Media(run=0, wall=1.5, step=5, name="map", mime="image/png", caption="a map", data=b"\x89PNG"),
    Blocked(run=0, wall=1.5, counts=((40, 7), (41, 1)), total_ns=12345, max_ns=9000),
    Dropped(run=0, wall=1.5, what="film", count=1, size_bytes=720_000, reason="memory is full"),
    RunUpdate(run=0, wall=1.5, config={"a": None}, summary={"best": 3.25}),
    Flush(run=0, wall=1.5, token=2**64 - 1),
    RunFinish(run=0, wall=1.5, status="crashed"),
    Recorder(
        run=0, wall=1.5, number=2, kind="curves", directory="/tmp/x/curves", prefix="eval 1", title="eval 1", fps=24.5,
        save_metadata=False, average_window=-5, columns="eval",
        colors={"reward": "#264653", "metrics": {"loss": "red"}},
    ),
    Trace(
        run=0, wall=1.5, episode=7, film=1, recorder=2, stem="training_episode_0007_reward_-3_avg_1", part=1, parts=2,
        data=b'{"episode":7}',
    ),
    RecorderAsk(run=0, wall=1.5, recorder=2, wish=Wish.SAVE, rows=500, token=2**64 - 1),
    ClipBegin(
        run=0, wall=1.5, step=200, film=5, name="rl-video-step-200", reason="step", fps=50.0, tiles=4, aspect=1.5
    ),
    AxisSnapshot(run=0, wall=1.5, step=12, ids=bytes(4), values=bytes(8)),
    Results(
        run=0, wall=1.5, film=4, run_type="evaluation", parts=(("config", 20), ("results", 3000), ("state", 2**31)),
        summary={"mean_return": 12.5}, metadata={"device": "cpu"}, episodes=True, steps_per_env=500, global_step=8000,
        render="maze.draw:frame", videos=4, fps=12.5, note="a note",
    ),
    ResultsEnd(run=0, wall=1.5, film=4, pieces=2049, last_seq=2050),
    Surroundings(run=0, wall=1.5, python="/usr/bin/python3", path=("", "/home/ann/maze"), directory="/home/ann"),
)  # fmt: skip
FILM = Film(run=0, film=1, first=3, count=2, height=84, width=64, channels=3, episode=7, wall=1.5)
BLOBS = (b"first frame", b"second")


def records() -> list[Envelope]:
    """Each message, each entry alone, all entries together, and a chunk: sealed and valid."""
    out = [messages.encode(message, SESSION) for message in MESSAGES]
    encoded = [encode_entry(entry) for entry in ENTRIES]
    out += [seal_entries(SESSION, seq, [entry]) for seq, entry in enumerate(encoded, 1)]
    out.append(seal_entries(SESSION, 99, encoded))
    out.append(chunks.seal_chunk(SESSION, 1, FILM, BLOBS))
    return out


# --- strategies -----------------------------------------------------------------------------------------------------

finite = st.floats(allow_nan=False, allow_infinity=False)
utf8 = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
clean = st.text(max_size=30).map(clean_text)


def choices_of(choices: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    """Some of them, each once, in any order."""
    return st.lists(st.sampled_from(choices), unique=True).map(tuple)


parts_of_names = clean.filter(lambda text: "/" not in text and text not in (".", ".."))
run_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", fullmatch=True)
exact = st.integers(0, EXACT_MAX)
numbers = st.integers(0, NUMBER_MAX)
films = st.integers(1, NUMBER_MAX)
rates = st.floats(0, 1000, exclude_min=True)
json_maps = st.dictionaries(
    utf8,
    st.recursive(
        st.none() | st.booleans() | st.integers() | finite | utf8,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(utf8, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def values_of(name: str, kind: type) -> st.SearchStrategy[Any]:
    """Whatever a field of a message may be."""
    if kind is int:
        return st.integers(*RANGES.get(name, (0, WHOLE_MAX)))
    return {float: finite, bool: st.booleans(), str: utf8}[kind]


def message_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Messages of one type, with and without their optional fields."""
    needed = {item.name: values_of(item.name, item.type) for item in fields(cls) if item.default is MISSING}
    optional = {item.name: values_of(item.name, item.type) for item in fields(cls) if item.default is not MISSING}
    return st.fixed_dictionaries(needed, optional=optional).map(lambda values: cls(**values))


@st.composite
def packed_columns(draw: st.DrawFn, column: Column) -> StepColumn:
    dtype = draw(st.integers(0, len(DTYPES) - 1))
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    count = draw(st.integers(0, 5))
    size = count * int(DTYPES[dtype][2:])
    for dim in shape:
        size *= dim
    return StepColumn(
        column=column, dtype=dtype, count=count, shape=shape, data=draw(st.binary(min_size=size, max_size=size))
    )


@st.composite
def json_columns(draw: st.DrawFn, column: Column) -> StepColumn:
    return pack_json_column(column, draw(st.lists(json_maps | st.integers() | utf8, max_size=4)))


@st.composite
def column_tables(draw: st.DrawFn) -> tuple[StepColumn, ...]:
    used = draw(st.lists(st.sampled_from(Column), unique=True))
    return tuple(draw(packed_columns(column) | json_columns(column)) for column in used)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 6))
    ids = draw(st.binary(min_size=4 * count, max_size=4 * count))
    return {"ids": ids, "values": draw(st.binary(min_size=8 * count, max_size=8 * count))}


_heads = {
    "run": numbers,
    "wall": finite,
    "step": st.integers(NO_STEP, 2**63 - 1),
    "episode": st.integers(-1, 2**63 - 1),
}
_films = {"frames": st.integers(0, FRAMES_MAX), "last_seq": st.integers(0, SEQ_MAX), "film": numbers}
_bodies: dict[type[Any], dict[str, st.SearchStrategy[Any]]] = {
    RunBegin: {
        "run_id": run_ids, "writer": run_ids, "project": clean, "name": clean, "group": clean,
        "directory": utf8.map(lambda text: "/" + text.replace("\0", "").replace("..", "")),
        "tags": st.lists(clean, max_size=4).map(tuple), "config": json_maps, "resume": clean, "schedule": clean,
        "total_episodes": exact, "fps": rates, "overlay": choices_of(OVERLAYS),
        "formats": choices_of(FORMATS).filter(bool),
    },
    MetricNames: {
        "names": st.lists(st.tuples(numbers, st.text(min_size=1).map(clean_metric).filter(bool)), max_size=5).map(tuple)
    },
    EpisodeBegin: {
        "film": films, "reason": clean, "provisional": st.booleans(), "plan_version": exact,
        "fps": st.just(0.0) | rates,
    },
    Steps: {"film": films, "step": exact, "columns": column_tables()},
    EpisodeEnd: {
        "return_": st.floats(allow_nan=False), "length": exact, "solved": st.none() | st.booleans(),
        "metadata": json_maps, "reason": clean, "note": clean, "complete": st.booleans(), **_films,
    },
    Media: {
        "name": clean, "mime": clean, "caption": clean, "fps": rates, "data": st.binary(max_size=50), **_films,
    },
    Blocked: {
        "counts": st.lists(st.tuples(st.integers(0, 1023), numbers), max_size=9).map(tuple),
        "total_ns": exact, "max_ns": exact,
    },
    Dropped: {"what": clean, "count": exact, "size_bytes": exact, "reason": clean},
    RunUpdate: {"config": json_maps, "summary": json_maps, "metrics": json_maps},
    Flush: {"token": st.integers(0, 2**64 - 1)},
    RunFinish: {"status": st.sampled_from(["finished", "crashed"])},
    Recorder: {
        "number": films, "kind": st.sampled_from(RECORDER_KINDS), "prefix": parts_of_names, "title": clean,
        "directory": utf8.map(lambda text: "/" + text.replace("\0", "").replace("..", "")), "columns": clean,
        "fps": rates, "save_metadata": st.booleans(), "average_window": st.integers(-EXACT_MAX, EXACT_MAX),
        "colors": json_maps,
    },
    Trace: {
        "film": films, "recorder": films, "stem": parts_of_names.filter(bool), "part": st.just(1),
        "parts": st.integers(2, 64), "data": st.binary(max_size=50),
    },
    Results: {
        "film": films, "run_type": st.sampled_from(RUN_TYPES), "summary": json_maps, "metadata": json_maps,
        "parts": st.fixed_dictionaries({"results": exact}, optional={"config": exact, "state": exact}).map(
            lambda parts: tuple((name, parts[name]) for name in PARTS if name in parts)
        ),
        "episodes": st.booleans(), "steps_per_env": exact, "global_step": exact,
        "render": st.sampled_from(["", "a:b", "pkg.mod_1:Cls.frame"]), "videos": st.integers(0, 1000), "fps": rates,
        "note": clean,
    },
    ResultsEnd: {"film": films, "pieces": st.integers(0, FRAMES_MAX), "last_seq": st.integers(0, SEQ_MAX)},
    Surroundings: {
        "python": utf8.map(lambda text: "/" + text.replace("\0", "")), "path": st.lists(clean, max_size=4).map(tuple),
        "directory": utf8.map(lambda text: "/" + text.replace("\0", "")),
    },
    RecorderAsk: {
        "recorder": films, "wish": st.sampled_from(Wish), "rows": exact, "token": st.integers(0, 2**64 - 1),
    },
    ClipBegin: {
        "film": films, "name": clean, "reason": clean, "fps": rates, "tiles": st.integers(1, 1024),
        "aspect": st.floats(0.01, 100),
    },
}  # fmt: skip


def entry_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Entries of one type, with every field drawn."""
    if issubclass(cls, Snapshot):
        return st.builds(lambda head, row: cls(**head, **row), st.fixed_dictionaries(_heads), rows())
    return st.fixed_dictionaries({**_heads, **_bodies[cls]}).map(lambda values: cls(**values))


@st.composite
def films_and_blobs(draw: st.DrawFn) -> tuple[Film, list[bytes]]:
    """A chunk: several frames, or a part of one."""
    parts = draw(st.just(1) | st.integers(2, 64))
    count = 1 if parts > 1 else draw(st.integers(1, 6))
    film = Film(
        run=draw(numbers), film=draw(films), first=draw(st.integers(0, FRAMES_MAX - count)), count=count,
        height=draw(st.integers(1, 8192)), width=draw(st.integers(1, 8192)), channels=draw(st.sampled_from([1, 3])),
        episode=draw(st.integers(-1, WHOLE_MAX)), wall=draw(finite), codec=draw(st.sampled_from([0, 1])),
        part=draw(st.integers(0, parts - 1)), parts=parts,
    )  # fmt: skip
    return film, draw(st.lists(st.binary(max_size=20), min_size=count, max_size=count))


strange = st.one_of(
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.text(max_size=20),
    st.sampled_from([-1, 2**31, 2**32, 2**53, 2**63, 2**64, 10**400, "x" * 5000, "\ud800", "a\0b", "\u202e", ""]),
    st.sampled_from([sys.float_info.max, float("inf"), float("nan"), None, b"bytes", (), {}]),
)
"""What a caller or a hostile sender may put where something else belongs."""


def decode(data: bytes) -> list[Entry]:
    """All entries of a record."""
    return list(decode_entries(data))


def with_body(kind: int, body: bytes, *, wall: float = 1.0, episode: int = -1, step: int = NO_STEP) -> bytes:
    """An entry as somebody else would encode it."""
    return struct.pack("<BBHIqqdI", kind, 0, 0, 0, step, episode, wall, len(body)) + body
