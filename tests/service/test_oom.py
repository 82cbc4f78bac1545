"""Which killed processes the kernel killed for want of memory."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmlabd.pool.oom import is_oom, oom_kills

LIMIT_BYTES = 64 * 2**20
# In a control group of its own: a child that takes more than the group has, and what is said of its end.
GREEDY = """
import os, subprocess, sys
open(os.path.join(sys.argv[1], "cgroup.procs"), "w").write(str(os.getpid()))
from filmlabd.pool.oom import is_oom, oom_kills
before = oom_kills()
greedy = subprocess.run([sys.executable, "-c", "b = b'x' * (512 << 20)"])
print(greedy.returncode, is_oom(greedy.returncode, before, oom_kills()))
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group (version 1) with little memory."""
    made = Path("/sys/fs/cgroup/memory") / f"filmlab-test-{os.getpid()}"
    try:
        made.mkdir()
        (made / "memory.limit_in_bytes").write_text(str(LIMIT_BYTES))
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield made
    with contextlib.suppress(OSError):
        made.rmdir()


def test_a_process_that_the_kernel_kills_for_want_of_memory(group: Path) -> None:
    """A real one, in a control group that is too small for it."""
    environ = os.environ | {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", GREEDY, str(group)], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout == "-9 True\n", done.stderr


def test_only_a_kill_while_the_kernel_counted_one_is_meant() -> None:
    """Another signal, or a kill that the kernel knows nothing of, is somebody else's."""
    assert is_oom(-9, 3, 4)
    assert not is_oom(-9, 3, 3)
    assert not is_oom(-11, 3, 4)
    assert not is_oom(0, 3, 4)


def test_the_count_is_that_of_our_own_group_where_there_is_one(tmp_path: Path) -> None:
    """Version 2, version 1, the whole machine, nothing at all: the first that tells counts."""
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    assert oom_kills(proc, cgroups) == 0
    (proc / "self").mkdir(parents=True)
    (proc / "vmstat").write_text("nr_free_pages 5\noom_kill 7\n")
    assert oom_kills(proc, cgroups) == 7
    (proc / "self" / "cgroup").write_text("9:name=x:/\n4:memory:/jobs/one\n0::/user/me\n")
    for place, text in (
        ("memory/jobs/one/memory.oom_control", "oom_kill 2\n"),
        ("user/me/memory.events", "oom_kill 1\n"),
    ):
        file = cgroups / place
        file.parent.mkdir(parents=True)
        file.write_text(f"oom 9\n{text}")
    assert oom_kills(proc, cgroups) == 2
    (proc / "self" / "cgroup").write_text("0::/user/me\n")
    assert oom_kills(proc, cgroups) == 1
