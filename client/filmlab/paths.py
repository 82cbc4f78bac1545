"""Where does everything lie? State directory, sockets and the endpoint file, the same for the client and the daemon.

(What the endpoint file says is `endpoint.py`, owners and locks are `private.py`.)

Nothing here touches the disk at import; `StatePaths.find()` only looks, `StatePaths.make()` creates.
"""

import hashlib
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from filmlab.endpoint import fits
from filmlab.errors import BadInput
from filmlab.private import check_owner, check_private, private_dir

LAYOUT = "v1"

Environ: TypeAlias = Mapping[str, str]

# WAL and flock do not hold on these. 9p and virtiofs are left out: in a sandbox they are often all there is.
_REMOTE_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "ceph", "afs", "beegfs", "panfs", "orangefs", "pvfs2",
     "glusterfs", "ncpfs", "coda", "wekafs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.juicefs",
     "fuse.ceph", "fuse.ceph-fuse", "fuse.gcsfuse", "fuse.rclone"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StateChoice:
    """Which state directory is in force, why, and which ones were passed over with what reason (for `doctor`)."""

    path: Path
    why: str
    passed_over: tuple[tuple[Path, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StatePaths:
    """Every path of one state directory. `notes` are sentences that whoever starts should say once."""

    state: Path
    """What holds `v1/`."""
    runtime: Path
    """What holds the sockets, 0700."""
    notes: tuple[str, ...] = ()

    @classmethod
    def find(cls, environ: Environ | None = None) -> "StatePaths":
        """The paths in force for this user and environment. Only looks.

        Raises:
            BadInput: no candidate can be used; the message names each with its reason.
        """
        environ = os.environ if environ is None else environ
        choice = choose_state(environ)
        given = Path(environ["FILMLAB_STATE_DIR"]).absolute() if environ.get("FILMLAB_STATE_DIR") else None
        refused = [f"FILMLAB_STATE_DIR is not used: {given} {why}" for path, why in choice.passed_over if path == given]
        return cls.at(choice.path, environ, notes=tuple(refused))

    @classmethod
    def at(cls, state: Path, environ: Environ | None = None, notes: tuple[str, ...] = ()) -> "StatePaths":
        """The paths of this state directory, whatever FILMLAB_STATE_DIR says."""
        runtime, note = runtime_dir(state, environ)
        return cls(state.absolute(), runtime, (*notes, note) if note else notes)

    @property
    def root(self) -> Path:
        return self.state / LAYOUT

    @property
    def daemon_lock(self) -> Path:
        """`flock`ed by the daemon for as long as it lives."""
        return self.root / "daemon.lock"

    @property
    def start_lock(self) -> Path:
        """`flock`ed by the client that is starting a daemon."""
        return self.root / "start.lock"

    @property
    def endpoint(self) -> Path:
        """Names the sockets of the daemon that is alive."""
        return self.root / "endpoint"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def film(self) -> Path:
        return self.root / "film"

    @property
    def index(self) -> Path:
        return self.root / "index.sqlite"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def log(self) -> Path:
        return self.root / "log" / "daemon.log"

    @property
    def ingest_socket(self) -> Path:
        return self.runtime / "ingest.sock"

    @property
    def control_socket(self) -> Path:
        return self.runtime / "control.sock"

    def make(self) -> None:
        """Create the directories that both sides share (state, `v1/`, `spool/`, `log/`), 0700 and ours.

        Raises:
            BadInput: one of them is another user's, a symlink, open to others, or cannot be made.
        """
        _make_parents(self.state)
        check_owner(self.state)
        for path in (self.root, self.spool, self.log.parent):
            private_dir(path)

    def make_runtime(self) -> None:
        """Create the directory of the sockets, 0700 and ours. Raises BadInput as `make` does."""
        private_dir(self.runtime.parent)
        private_dir(self.runtime)


def choose_state(environ: Environ | None = None) -> StateChoice:
    """The first of FILMLAB_STATE_DIR, $XDG_STATE_HOME/filmlab, ~/.local/state/filmlab and /var/tmp/filmlab-$UID that is
    on a local disk, ours and writable.

    Raises:
        BadInput: none is.
    """
    environ = os.environ if environ is None else environ
    passed_over: list[tuple[Path, str]] = []
    for why, path in _candidates(environ):
        reason = _unfit(path)
        if reason is None:
            return StateChoice(path, why, tuple(passed_over))
        passed_over.append((path, reason))
    said = "; ".join(f"{path} {reason}" for path, reason in passed_over)
    raise BadInput(f"no place for filmlab's state: {said}. Set FILMLAB_STATE_DIR to a directory on a local disk")


def state_dir(environ: Environ | None = None) -> Path:
    """The state directory in force. Raises BadInput as `choose_state` does."""
    return choose_state(environ).path


def runtime_dir(state: Path, environ: Environ | None = None) -> tuple[Path, str]:
    """The directory for the sockets of this state directory, and a note when it is not where one would look for it.

    Only the state directory in the user's own home has the plain name `v1`; every other one has a hash of its path in
    it, so that the daemons of two state directories never bind the same socket.
    """
    environ = os.environ if environ is None else environ
    name = LAYOUT
    if state.absolute() != _own_home() / ".local/state/filmlab":
        digest = hashlib.blake2b(os.fsencode(state.resolve()), digest_size=4).hexdigest()
        name = f"{LAYOUT}-{digest}"
    short = Path(f"/tmp/filmlab-{os.getuid()}") / name
    base = environ.get("XDG_RUNTIME_DIR", "")
    if not base.startswith("/") or not _is_private(Path(base)):
        return short, ""
    long = Path(base) / "filmlab" / name
    if fits(long / "control.sock"):
        return long, ""
    return short, f"XDG_RUNTIME_DIR is too long for a socket ({long}): using {short}"


def filesystem_type(path: Path) -> str:
    """Of the file system that `path` is, or would be, on: `ext4`, `nfs4`, …; empty when the kernel does not say."""
    target = path.resolve()
    best, kind = -1, ""
    try:
        table = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        point = Path(left.split(" ")[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        # Of two mounts on one point the later one is on top.
        if len(point.parts) >= best and target.is_relative_to(point):
            best, kind = len(point.parts), right.split(" ")[0]
    return kind


def _candidates(environ: Environ) -> Iterator[tuple[str, Path]]:
    if environ.get("FILMLAB_STATE_DIR"):
        yield "FILMLAB_STATE_DIR", Path(environ["FILMLAB_STATE_DIR"]).absolute()
    if environ.get("XDG_STATE_HOME", "").startswith("/"):
        yield "XDG_STATE_HOME", Path(environ["XDG_STATE_HOME"]) / "filmlab"
    home = Path(environ.get("HOME") or _own_home())
    if home.is_absolute():
        yield "the home directory", home / ".local/state/filmlab"
    yield "the first local directory", Path(f"/var/tmp/filmlab-{os.getuid()}")


def _unfit(path: Path) -> str | None:
    """Why the state cannot lie there, or None. Creates nothing."""
    kind = filesystem_type(path)
    if kind in _REMOTE_TYPES:
        return f"is on a network file system ({kind})"
    nearest = path
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir():
        return f"is below {nearest}, which is no directory"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"cannot be written (by user {os.getuid()})"
    if nearest == path and path.stat().st_uid != os.getuid():
        return f"belongs to user {path.stat().st_uid}, not to {os.getuid()}"
    if path.is_symlink() and path.parent.stat().st_mode & stat.S_ISVTX:
        return "is a symbolic link in a directory where everybody may write"
    return None


def _make_parents(path: Path) -> None:
    """`mkdir -p`, but every new directory is 0700 (`Path.mkdir` gives that mode only to the last)."""
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for item in reversed(missing):
        try:
            item.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{item} cannot be made: {error.strerror}") from None


def _is_private(path: Path) -> bool:
    try:
        check_private(path)
    except BadInput:
        return False
    return True


def _own_home() -> Path:
    """The home of this user's account, whatever HOME says; `/nonexistent` without an account (some containers)."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path("/nonexistent")
