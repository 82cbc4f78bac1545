"""What `import filmlab` brings into a trainer, and how long that takes beside numpy and zmq."""

import json
import subprocess
import sys

import pytest

import filmlab

PROGRAM = """
import sys, time, json
import numpy, zmq
began = time.perf_counter()
import filmlab
imported_ms = (time.perf_counter() - began) * 1e3
light = sorted(sys.modules)
began = time.perf_counter()
filmlab.init, filmlab.Image, filmlab.CaptureSchedule, filmlab.Run
used_ms = (time.perf_counter() - began) * 1e3
print(json.dumps({"imported_ms": imported_ms, "light": light, "used_ms": used_ms, "all": sorted(sys.modules)}))
"""
NEVER = {"PIL", "yaml", "asyncio", "sqlite3", "filmlabd", "gymnasium", "torch", "multiprocessing", "jinja2"}


def test_import_is_thin() -> None:
    """No Pillow, YAML, asyncio, database or daemon, before or after the first use; hardly anything before it.

    What copies and writes results waits for the first of them.
    """
    environ = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environ, check=True)
    found = json.loads(done.stdout)
    print(f"import filmlab: {found['imported_ms']:.1f} ms more than numpy and zmq; first use {found['used_ms']:.1f} ms")
    assert "filmlab._run" in found["all"]
    assert not {name.split(".")[0] for name in found["all"]} & NEVER
    assert not [name for name in found["all"] if name.startswith(("filmlab.results", "filmlab.pytree"))]
    assert [name for name in found["light"] if name.startswith("filmlab")] == ["filmlab"]


def test_every_public_name_is_there() -> None:
    """What `dir` shows can be had, and what is not there is said as Python says it."""
    for name in filmlab.__all__:
        assert name in dir(filmlab)
        getattr(filmlab, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        filmlab.nothing  # noqa: B018  # the access is what is tested
