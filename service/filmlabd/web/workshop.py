"""How is the lab doing? The daemon's own words, and what the index and the disk say."""

import itertools
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filmlabd.index.read import NoIndex
from filmlabd.model import RunRow, amount
from filmlabd.web.documents import failure
from filmlabd.web.room import Room, size_bytes

TRAINERS_MAX = 40
SAMPLES_MAX = 120
_WEIGH_EVERY_S = 15.0


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    ingested_bytes: int
    waiting: int


@dataclass(slots=True)
class Workshop:
    """Looked at once a second while somebody watches; remembers two minutes, so that rates can be told."""

    room: Room
    _samples: deque[_Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX))
    _boot: str = ""
    _weighed_at: float = float("-inf")
    _weights: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> dict[str, Any]:
        """The document that the page shows."""
        with self._lock:
            status = self.room.daemon_says()
            return {
                "daemon": _said(status),
                "rates": self._rates(status),
                "disk": self._disk(),
                **self._index(),
            }

    def _rates(self, status: dict[str, Any] | None) -> dict[str, Any]:
        if status is None or status.get("boot") != self._boot:
            self._samples.clear()
        if status is None:
            return {"bytes_s": [], "waiting": []}
        self._boot = status.get("boot", "")
        queue = status.get("queue", {})
        self._samples.append(
            _Sample(time.monotonic(), int(status.get("ingested_bytes", 0)), int(queue.get("waiting", 0)))
        )
        samples = list(self._samples)
        rates = [
            (new.ingested_bytes - old.ingested_bytes) / max(1e-3, new.at - old.at)
            for old, new in itertools.pairwise(samples)
        ]
        return {"bytes_s": rates, "waiting": [sample.waiting for sample in samples]}

    def _disk(self) -> dict[str, Any]:
        paths = self.room.paths
        now = time.monotonic()
        if now - self._weighed_at > _WEIGH_EVERY_S:
            self._weighed_at = now
            self._weights = {
                "journal": size_bytes(str(paths.journal)), "film": size_bytes(str(paths.film)),
                "spool": size_bytes(str(paths.spool)),
                "index": sum(_file_bytes(paths.index.with_name(paths.index.name + end)) for end in ("", "-wal")),
            }  # fmt: skip
        try:
            found = os.statvfs(paths.state)
        except OSError:
            return {"state_dir": str(paths.state), "parts": self._weights}
        return {
            "state_dir": str(paths.state), "parts": self._weights,
            "free": found.f_bavail * found.f_frsize, "all": found.f_blocks * found.f_frsize,
        }  # fmt: skip

    def _index(self) -> dict[str, Any]:
        try:
            reader = self.room.reader()
        except NoIndex:
            return {"trainers": [], "failures": [], "dropped": []}
        with reader:
            runs = sorted(reader.runs(), key=lambda run: (run.status == "running", run.updated_wall), reverse=True)
            names = {run.run_id: run.name for run in runs}
            drops = [
                {"run": run_id, "name": names[run_id], "amount": amount(row.what, row.count)} | row.words()
                for run_id in sorted(reader.dropped().keys() & names.keys())
                for row in reader.drops(run_id)
            ]
            return {
                "trainers": [_trainer(run, reader.blocked(run.run_id).words()) for run in runs[:TRAINERS_MAX]],
                "failures": [failure(row) | {"name": names.get(row.run_id, "")} for row in reader.failures()],
                "dropped": drops,
            }


def _said(status: dict[str, Any] | None) -> dict[str, Any] | None:
    """What of the daemon's answer is shown."""
    if status is None:
        return None
    workers, disk = status.get("workers", {}), status.get("disk") or {}
    return {
        "version": status.get("version", ""), "pid": status.get("pid", 0), "uptime_s": status.get("uptime_s", 0.0),
        "sessions": status.get("sessions", 0), "runs": len(status.get("runs", [])), "queue": status.get("queue", {}),
        "workers": [{"pid": int(pid), "job": job or ""} for pid, job in workers.items()],
        "ingested": status.get("ingested_bytes", 0), "refused": status.get("refused_records", 0),
        "disk_full": status.get("disk_full") or "", "stopping": status.get("stopping", ""),
        "paused": status.get("paused") or "", "quota": disk.get("most_film_bytes"),
        "closed": disk.get("film_refused") or "",
    }  # fmt: skip


def _trainer(run: RunRow, inside: dict[str, Any]) -> dict[str, Any]:
    """What one training was held up for, and which share of its life that is."""
    until = run.finished_wall if run.finished_wall is not None and run.status != "running" else run.updated_wall
    lived_s = until - run.created_wall
    share = inside["total_ns"] / 1e9 / lived_s if lived_s > 0 else None
    return {"id": run.run_id, "name": run.name, "status": run.status, "share": share, "lived_s": lived_s} | inside


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
