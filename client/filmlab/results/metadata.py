"""Under which circumstances did it come about? Kind, time, Python, device, revision, duration."""

import os
import platform
import re
import time
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filmlab.errors import Corrupt
from filmlab.private import started_ticks

_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class RunMetadata:
    """What stands in `run_metadata.yaml`."""

    run_type: str
    """`training` or `evaluation`."""
    timestamp: str
    """ISO 8601, UTC."""
    python_version: str
    device: str = "cpu"
    git_hash: str | None = None
    """Of the repository that the program was started in, if it was."""
    duration_seconds: float | None = None

    @classmethod
    def gather(
        cls, run_type: str, *, device: str = "cpu", duration_seconds: float | None = None, directory: Path | None = None
    ) -> "RunMetadata":
        """As things are here and now.

        Args:
            duration_seconds: None: since this process began.
            directory: whose repository is looked up; None: the working directory.
        """
        return cls(
            run_type=run_type,
            timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
            python_version=platform.python_version(),
            device=device,
            git_hash=git_hash(directory),
            duration_seconds=round(_process_s() if duration_seconds is None else duration_seconds, 3),
        )

    def document(self) -> dict[str, Any]:
        """As it is written; without a revision where there is none."""
        found = asdict(self)
        return {key: value for key, value in found.items() if value is not None}

    @classmethod
    def of(cls, document: Any, whose: str) -> "RunMetadata":
        """As it was written. Raises Corrupt where something is missing, or of another type."""
        if not isinstance(document, dict):
            raise Corrupt(f"{whose}: metadata is a mapping, got {type(document).__name__}")
        known = {item.name: document[item.name] for item in fields(cls) if item.name in document}
        texts = (known.get(name, "") for name in ("run_type", "timestamp", "python_version", "device"))
        if not all(isinstance(text, str) for text in texts):
            raise Corrupt(f"{whose}: run_type, timestamp, python_version and device are texts")
        try:
            return cls(**known)
        except TypeError as error:
            raise Corrupt(f"{whose}: {error}") from None


def git_hash(directory: Path | None = None) -> str | None:
    """The revision that is checked out there (None: in the working directory), or None. Never raises.

    Reads git's own files: a process would cost far more.
    """
    try:
        # The working directory may have been removed.
        start = directory if directory is not None else Path.cwd()
        git = next((parent / ".git" for parent in (start, *start.parents) if (parent / ".git").exists()), None)
        return _head_of(git) if git is not None else None
    except (OSError, UnicodeDecodeError):
        return None


def _head_of(git: Path) -> str | None:
    if git.is_file():
        # A worktree: its .git says where its own part of the repository lies.
        git = (git.parent / git.read_text("utf-8").removeprefix("gitdir:").strip()).resolve()
    common = git / "commondir"
    shared = (git / common.read_text("utf-8").strip()).resolve() if common.exists() else git
    head = (git / "HEAD").read_text("utf-8").strip()
    if not head.startswith("ref:"):
        return head if _HASH.fullmatch(head) else None
    name = head.removeprefix("ref:").strip()
    for place in (git, shared):
        if (place / name).is_file():
            found = (place / name).read_text("utf-8").strip()
            return found if _HASH.fullmatch(found) else None
    packed = shared / "packed-refs"
    for line in packed.read_text("utf-8").splitlines() if packed.exists() else ():
        revision, _, ref = line.partition(" ")
        if ref == name and _HASH.fullmatch(revision):
            return revision
    return None


def _process_s() -> float:
    """How long this process has been there."""
    began_s = started_ticks(os.getpid()) / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began_s)
