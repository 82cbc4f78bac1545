"""Agent states on disk: whole or not at all, with errors that say what and where, and in little memory."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filmlab import pytree

STATE = {"params": {"w": np.arange(6.0).reshape(2, 3)}, "opt": (1, [np.float32(2)]), "name": "ppo"}

# Peaks of the whole process, by the kernel's own count, beyond what it had before.
MEASURE = """
import resource, sys, threading, time
import numpy as np
from filmlab import pytree

def rss():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def peak_of(call):
    began, most, done = rss(), [0], threading.Event()
    def look():
        while not done.wait(0.0005):
            most[0] = max(most[0], rss())
    thread = threading.Thread(target=look)
    thread.start()
    kept = call()
    most[0] = max(most[0], rss())
    done.set()
    thread.join()
    return (most[0] - began) / size, kept

path = sys.argv[1]
size = 160 * 2**20
state = {"w": np.ones((1024, size // 16384), np.float64), "b": [np.ones(size // 8, np.float32).reshape(4, -1).T]}
pytree.to_bytes({"warm": np.ones(3)})
saving, _ = peak_of(lambda: pytree.save_state(state, path))
del state
loading, found = peak_of(lambda: pytree.load_state(path))
print(saving, loading, found["w"].nbytes + found["b"]["0"].nbytes == size)
"""


def test_a_state_comes_back(tmp_path: Path) -> None:
    """What is saved is read again, with lists as dicts by index, and parents are made."""
    path = tmp_path / "deep" / "state.msgpack"
    pytree.save_state(STATE, path)
    found = pytree.load_state(path)
    assert found["opt"] == {"0": 1, "1": {"0": np.float32(2)}} and found["name"] == "ppo"
    assert np.array_equal(found["params"]["w"], STATE["params"]["w"]) and found["params"]["w"].flags.writeable
    assert [item.name for item in path.parent.iterdir()] == ["state.msgpack"]


def test_what_cannot_be_saved_leaves_the_old_file(tmp_path: Path) -> None:
    """An error names the leaf; the file that was there stays whole, and nothing lies beside it."""
    path = tmp_path / "state.msgpack"
    pytree.save_state({"a": 1}, path)
    with pytest.raises(RuntimeError, match=r"^Failed to serialize agent state: params/0/f: builtins.object cannot"):
        pytree.save_state({"w": np.zeros(100_000), "params": [{"f": object()}]}, path)
    assert pytree.load_state(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_threads_may_save_to_one_path(tmp_path: Path) -> None:
    """Whoever reads meanwhile finds one of the states, whole; in the end there is one file and nothing beside it."""
    path = tmp_path / "state.msgpack"
    states = [{"who": who, "w": np.full(50_000, who)} for who in range(4)]
    pytree.save_state(states[0], path)

    def save(state: dict[str, Any]) -> None:
        for _ in range(20):
            pytree.save_state(state, path)

    with ThreadPoolExecutor(len(states)) as pool:
        saving = [pool.submit(save, state) for state in states]
        while not all(item.done() for item in saving):
            found = pytree.load_state(path)
            assert (found["w"] == found["who"]).all() and len(found["w"]) == 50_000
    for item in saving:
        item.result()
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """The error is the one that callers of the reference catch."""
    with pytest.raises(FileNotFoundError, match=r"^Agent checkpoint not found: .*/none.msgpack$"):
        pytree.load_state(tmp_path / "none.msgpack")


@pytest.mark.parametrize("keep", [0, 1, 40, -1])
def test_a_cut_file_is_said(tmp_path: Path, keep: int) -> None:
    """Wherever a file was cut, the error is the one that callers of the reference catch."""
    path = tmp_path / "state.msgpack"
    path.write_bytes(pytree.to_bytes(STATE)[:keep])
    with pytest.raises(RuntimeError, match=r"^Failed to deserialize agent state: .*state.msgpack: "):
        pytree.load_state(path)


def test_large_arrays_are_never_twice_in_memory(tmp_path: Path) -> None:
    """Saving takes at most a fifth of the state beyond it, also of a transposed one; loading 1.2 times the state."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "state")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    saving, loading, whole = done.stdout.split()
    assert float(saving) <= 0.2 and float(loading) <= 1.2 and whole == "True", done.stdout
    print(f"beyond the state: saving {float(saving):.3f} of it, loading {float(loading):.3f}")
