"""Is this machine, and this Python, fit for filmlab? Checks that need no state directory."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgpack
import zmq

import filmlab
from filmlab.errors import Transient
from filmlab.launch import daemon_command, daemon_environment
from filmlab.paths import StatePaths
from filmlab.words import size
from filmlabd.cli.checks import Finding, Level

LIBZMQ_LEAST = (4, 3, 3)
"""Older ones have CVE-2020-15166 and its kin."""
SHARED_MEMORY_LEAST_BYTES = 64 * 2**20
START_TIMEOUT_S = 30.0
MODES = ("auto", "online", "offline", "disabled")
LIBRARIES = ("pyzmq", "msgpack", "numpy", "Pillow", "zstandard", "PyYAML")


def check_python() -> Finding:
    """Which interpreter this is: often not the one that was thought of."""
    text = f"{platform.python_version()} at {sys.executable or '(unknown)'}, filmlab {filmlab.__version__}"
    return Finding("python", Level.OK, text)


def check_libraries() -> list[Finding]:
    """The versions of what filmlab stands on."""
    missing = [name for name in LIBRARIES if _version(name) == "missing"]
    text = ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    advice = f"pip install {' '.join(missing)}" if missing else ""
    found = [Finding("libraries", Level.BAD if missing else Level.OK, text, advice)]
    if zmq.zmq_version_info() < LIBZMQ_LEAST:
        found.append(
            Finding("libzmq", Level.BAD, f"{zmq.zmq_version()} has known holes", "pip install --upgrade pyzmq")
        )
    return found


def check_msgpack() -> Finding:
    """msgpack in pure Python holds up the training thread and has other limits on what it reads."""
    if msgpack.Packer.__module__ != "msgpack._cmsgpack":
        reason = " because MSGPACK_PUREPYTHON is set" if os.environ.get("MSGPACK_PUREPYTHON") else ""
        return Finding(
            "msgpack", Level.BAD, f"runs without its C extension{reason}", "pip install --force-reinstall msgpack"
        )
    return Finding("msgpack", Level.OK, "has its C extension")


def check_autostart(environ: Mapping[str, str], paths: StatePaths) -> Finding:
    """Whether a trainer with this Python can start a daemon: tried, up to where it would go to the background."""
    mode = environ.get("FILMLAB_MODE", "auto")
    if mode not in MODES:
        return Finding("autostart", Level.BAD, f"FILMLAB_MODE is {mode!r}", f"set it to one of {', '.join(MODES)}")
    if mode != "auto":
        return Finding("autostart", Level.OK, f"off: FILMLAB_MODE is {mode}")
    try:
        command = daemon_command(paths)
        # The very command of a trainer, up to where it would detach.
        command[command.index("--background") :] = ["--version"]
        done = subprocess.run(
            command, cwd="/", env=daemon_environment(environ), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=START_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, Transient, subprocess.SubprocessError) as error:
        return Finding("autostart", Level.BAD, f"a trainer cannot start a daemon: {error}", "start `filmlabd` by hand")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        return Finding("autostart", Level.BAD, f"a trainer cannot start a daemon: {reason}", "start `filmlabd` by hand")
    return Finding("autostart", Level.OK, f"{command[0]} starts {done.stdout.strip()}")


def check_shared_memory(place: Path = Path("/dev/shm")) -> Finding:
    """filmlab itself does without; vector environments and data loaders beside it often do not."""
    try:
        found = os.statvfs(place)
    except OSError as error:
        return Finding("shared memory", Level.OK, f"{place}: {error.strerror}; filmlab does without")
    free_bytes = found.f_bavail * found.f_frsize
    if free_bytes < SHARED_MEMORY_LEAST_BYTES:
        text = f"{place} has {size(free_bytes)} left; filmlab does without, other libraries may not"
        return Finding("shared memory", Level.WARN, text, "in a container: docker run --shm-size=1g")
    return Finding("shared memory", Level.OK, f"{place} has {size(free_bytes)} left")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
