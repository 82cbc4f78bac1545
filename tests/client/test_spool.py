"""What lies on disk while no daemon takes it."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from filmlab.errors import Transient
from filmlab.spool import (
    Owner,
    Spool,
    owner_alive,
    read_owner,
    read_session,
    remove_session,
    session_bytes,
    sessions,
)
from filmlab.wire.frame import META_MAX_BYTES, PAYLOAD_MAX_BYTES, Envelope, Kind, seal
from filmlab.wire.messages import Stream

SESSION = 0xABC
LIMIT_BYTES = 1024 * 1024


def record(seq: int, stream: Stream = Stream.C, size_bytes: int = 100, session: int = SESSION) -> Envelope:
    """A record whose contents tell its number."""
    kind = Kind.DATA_C if stream is Stream.C else Kind.DATA_B
    return seal(kind, session, seq, b"\x80", seq.to_bytes(8) * (size_bytes // 8))


def spool_of(root: Path, first: int, last: int, segment_bytes: int = 1000) -> Spool:
    """A spool with these records in stream C."""
    spool = Spool(root, SESSION, LIMIT_BYTES, segment_bytes)
    for seq in range(first, last + 1):
        spool.append(Stream.C, record(seq))
    return spool


def seqs(envelopes: list[Envelope]) -> list[int]:
    return [envelope.seq for envelope in envelopes]


def test_what_is_appended_is_read_from_any_number_on(tmp_path: Path) -> None:
    """Reading begins at the number asked for, across segments, and stops at the size asked for."""
    spool = spool_of(tmp_path, 5, 40)
    assert seqs(spool.read(Stream.C, 1, 10**6)) == list(range(5, 41))
    assert seqs(spool.read(Stream.C, 17, 10**6)) == list(range(17, 41))
    assert seqs(spool.read(Stream.C, 17, 300)) == [17, 18]
    assert seqs(spool.read(Stream.C, 17, 1)) == [17]
    assert spool.read(Stream.C, 17, 1)[0].payload == record(17).payload
    assert spool.read(Stream.B, 1, 10**6) == []


def test_everything_is_private(tmp_path: Path) -> None:
    """The directory is 0700 and every file 0600, whatever the umask."""
    before = os.umask(0)
    try:
        spool_of(tmp_path, 1, 20)
    finally:
        os.umask(before)
    directory = tmp_path / f"{SESSION:016x}"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(item.stat().st_mode) for item in directory.iterdir()} == {0o600}


def test_durable_records_leave_the_disk_by_segments(tmp_path: Path) -> None:
    """A segment goes when all of it is durable, and the directory with the last one; a later record makes it anew."""
    spool = spool_of(tmp_path, 1, 40)
    full = spool.used_bytes
    spool.drop(20, 0)
    assert 0 < spool.used_bytes < full
    assert seqs(spool.read(Stream.C, 21, 10**6)) == list(range(21, 41))
    spool.drop(40, 0)
    assert spool.used_bytes == 0
    assert list(tmp_path.iterdir()) == []
    spool.append(Stream.C, record(41))
    assert seqs(spool.read(Stream.C, 1, 10**6)) == [41]


def test_the_bound_holds_and_says_so(tmp_path: Path) -> None:
    """Past its bound the spool takes nothing, stays whole, and takes again when something has left."""
    spool = Spool(tmp_path, SESSION, 1500, 500)
    with pytest.raises(Transient, match="full"):
        for seq in range(1, 100):
            spool.append(Stream.C, record(seq))
    last = seqs(spool.read(Stream.C, 1, 10**6))[-1]
    assert spool.used_bytes <= 1500
    spool.drop(last - 2, 0)
    spool.append(Stream.C, record(last + 1))
    assert seqs(spool.read(Stream.C, last, 10**6)) == [last, last + 1]


def test_a_segment_that_cannot_be_deleted_stays_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fails to delete what is durable: that is no reason to end the sender; the rest is there to be read."""

    def unlink(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    spool = spool_of(tmp_path, 1, 20)
    with monkeypatch.context() as failing:
        failing.setattr(os, "unlink", unlink)
        spool.drop(12, 0)
    assert set(seqs(list(read_session(tmp_path, SESSION)))) >= set(range(13, 21))
    assert seqs(spool.read(Stream.C, 13, 10**6)) == list(range(13, 21))
    spool.append(Stream.C, record(21))


def test_a_full_disk_leaves_no_half_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short write is taken back: the spool is as it was, and goes on once there is space again.

    Unrealistic: the disk is full for one call, and tells the truth in the next.
    """
    spool = spool_of(tmp_path, 1, 3, segment_bytes=10**6)

    def no_space(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        real = os.pwrite
        patch.setattr(os, "pwritev", lambda fd, parts, offset: real(fd, parts[0][:10], offset))
        patch.setattr(os, "pwrite", no_space)
        with pytest.raises(Transient, match="No space left"):
            spool.append(Stream.C, record(4))
    assert seqs(list(read_session(tmp_path, SESSION))) == [1, 2, 3]
    spool.append(Stream.C, record(4))
    assert seqs(list(read_session(tmp_path, SESSION))) == [1, 2, 3, 4]


def test_a_missing_root_is_transient(tmp_path: Path) -> None:
    """A state directory that has vanished is reported as a failed write, with its path."""
    with pytest.raises(Transient, match="cannot be written"):
        Spool(tmp_path / "gone", SESSION, LIMIT_BYTES).append(Stream.C, record(1))


def test_a_session_is_read_control_first(tmp_path: Path) -> None:
    """Whoever adopts a spool gets stream C, then B, each in order, and nothing of another session."""
    spool = Spool(tmp_path, SESSION, LIMIT_BYTES, 500)
    for seq in range(1, 8):
        spool.append(Stream.B, record(seq, Stream.B))
        spool.append(Stream.C, record(seq))
    spool.close()
    found = [(envelope.kind, envelope.seq) for envelope in read_session(tmp_path, SESSION)]
    assert found == [(Kind.DATA_C, seq) for seq in range(1, 8)] + [(Kind.DATA_B, seq) for seq in range(1, 8)]
    path = next((tmp_path / f"{SESSION:016x}").glob("c-*.seg"))
    with path.open("ab") as file:
        file.write(b"".join(record(9, session=5).parts))
    assert len(list(read_session(tmp_path, SESSION))) == 14


def test_a_torn_tail_costs_only_the_last_record(tmp_path: Path) -> None:
    """Cut at every byte of its last record, a segment gives all records before it."""
    spool_of(tmp_path, 1, 3, segment_bytes=10**6).close()
    path = next((tmp_path / f"{SESSION:016x}").glob("c-*.seg"))
    data = path.read_bytes()
    for cut in range(1, record(3).size_bytes + 1):
        path.write_bytes(data[:-cut])
        assert seqs(list(read_session(tmp_path, SESSION))) == [1, 2]


def test_damage_costs_only_the_damaged_record(tmp_path: Path) -> None:
    """A flipped bit anywhere in a record loses that one; its owner and an adopter read the others."""
    spool = spool_of(tmp_path, 1, 3, segment_bytes=10**6)
    path = next((tmp_path / f"{SESSION:016x}").glob("c-*.seg"))
    data = path.read_bytes()
    size = record(2).size_bytes
    for at in range(size, 2 * size):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert seqs(list(read_session(tmp_path, SESSION))) == [1, 3]
        assert seqs(spool.read(Stream.C, 1, 10**6)) == [1, 3]


def test_a_record_inside_a_damaged_one_is_not_believed(tmp_path: Path) -> None:
    """A payload that holds a whole record of this very session gives none, also when what is around it is damaged."""
    inner = b"".join(record(9).parts)
    outer = seal(Kind.DATA_C, SESSION, 1, b"\x80", inner + b"...")
    directory = tmp_path / f"{SESSION:016x}"
    directory.mkdir()
    data = bytearray(b"".join([*outer.parts, *record(2).parts]))
    data[outer.size_bytes - 1] ^= 4
    (directory / "c-000001.seg").write_bytes(data)
    assert seqs(list(read_session(tmp_path, SESSION))) == [2]
    (directory / "c-000001.seg").write_bytes(data[: outer.size_bytes])
    assert seqs(list(read_session(tmp_path, SESSION))) == []


def test_a_large_record_behind_damage_is_read(tmp_path: Path) -> None:
    """A record of the largest size behind a few bytes of damage is not passed over."""
    directory = tmp_path / f"{SESSION:016x}"
    directory.mkdir()
    meta = b"\xc1" * META_MAX_BYTES
    large = seal(Kind.DATA_B, SESSION, 2, meta, bytes(PAYLOAD_MAX_BYTES))
    (directory / "b-000001.seg").write_bytes(b"".join([b"?" * 500, *large.parts, *record(3, Stream.B).parts]))
    assert seqs(list(read_session(tmp_path, SESSION))) == [2, 3]


def test_only_whole_session_names_are_sessions(tmp_path: Path) -> None:
    """A directory that is being made, or is something else, is not taken for a spool."""
    assert sessions(tmp_path / "none") == []
    for name in ("0" * 15 + "a", ".0000000000000001.5", "0" * 16 + "1", "x" * 16):
        (tmp_path / name).mkdir()
    assert sessions(tmp_path) == [10]


def test_the_owner_lives_until_it_is_killed(tmp_path: Path) -> None:
    """A spool belongs to its process until the kernel says that it is gone; then what it spooled is all there."""
    script = (
        "import sys; from pathlib import Path; from filmlab.spool import Spool\n"
        "from filmlab.wire.messages import Stream\n"
        "from filmlab.wire.frame import Kind, seal\n"
        f"spool = Spool(Path({str(tmp_path)!r}), {SESSION}, 10**6)\n"
        f"for seq in range(1, 11): spool.append(Stream.C, seal(Kind.DATA_C, {SESSION}, seq, b'\\x80', b'x' * 50))\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        assert sessions(tmp_path) == [SESSION]
        assert owner_alive(tmp_path, SESSION)
        process.send_signal(signal.SIGKILL)
    assert not owner_alive(tmp_path, SESSION)
    assert seqs(list(read_session(tmp_path, SESSION))) == list(range(1, 11))
    remove_session(tmp_path, SESSION)
    assert sessions(tmp_path) == []
    assert not owner_alive(tmp_path, SESSION)


def test_a_closed_spool_can_be_adopted(tmp_path: Path) -> None:
    """Closing lets go of what is left while the process lives on."""
    spool = spool_of(tmp_path, 1, 3)
    assert owner_alive(tmp_path, SESSION)
    spool.close()
    assert not owner_alive(tmp_path, SESSION)
    assert seqs(list(read_session(tmp_path, SESSION))) == [1, 2, 3]


def test_a_spool_says_whose_it_is(tmp_path: Path) -> None:
    """Its owner file names the process and its umask, and reading what is not there or not one gives zeros."""
    before = os.umask(0o027)
    try:
        spool = spool_of(tmp_path, 1, 3)
    finally:
        os.umask(before)
    owner = read_owner(tmp_path, SESSION)
    assert (owner.pid, owner.umask) == (os.getpid(), 0o027)
    assert owner.started > 0
    assert session_bytes(tmp_path, SESSION) >= spool.used_bytes
    for damaged in (b"", b"[]", b'{"pid": "x"}', b'{"pid": 1, "started": 1, "umask": 512}'):
        (tmp_path / f"{SESSION:016x}" / "owner").write_bytes(damaged)
        assert read_owner(tmp_path, SESSION) == Owner()
    assert (read_owner(tmp_path, 1), session_bytes(tmp_path, 1)) == (Owner(), 0)
