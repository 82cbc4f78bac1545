"""Was a process killed because memory ran out? A signal does not say why it came, but the kernel counts such kills."""

import re
import signal
from pathlib import Path

_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def oom_kills(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """How many processes the kernel has killed for want of memory: in our control group, else on this machine.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst (`memory.events`, `oom_kill`, of either kind of OOM killer),
    cgroup-v1/memory.rst (`memory.oom_control`), and `/proc/vmstat`.
    """
    for place in (*_of_our_group(proc, cgroups), proc / "vmstat"):
        try:
            found = _COUNT.search(place.read_text("ascii", "replace"))
        except OSError:
            continue
        if found is not None:
            return int(found[1])
    return 0


def is_oom(status: int, kills_before: int, kills_now: int) -> bool:
    """Whether a process that ended so, and that nobody of us killed, was killed for want of memory.

    Args:
        status: as `Popen.wait` gives it.
        kills_before: `oom_kills` when its work began.
        kills_now: the same at its end.
    """
    return status == -signal.SIGKILL and kills_now > kills_before


def _of_our_group(proc: Path, cgroups: Path) -> list[Path]:
    try:
        lines = (proc / "self" / "cgroup").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    places = []
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if not controllers:
            places.append(cgroups / path.lstrip("/") / "memory.events")
        elif controllers == "memory":
            places.append(cgroups / "memory" / path.lstrip("/") / "memory.oom_control")
    return places
