"""What `import filmlab` brings into a trainer, and how long that takes beside numpy and zmq."""

import json
import subprocess
import sys

PROGRAM = """
import sys, time, json
import numpy, zmq, msgpack, zstandard
before = set(sys.modules)
began = time.perf_counter()
import filmlab
spent_ms = (time.perf_counter() - began) * 1e3
print(json.dumps({"spent_ms": spent_ms, "new": sorted(set(sys.modules) - before), "all": sorted(sys.modules)}))
"""
NEVER = {"PIL", "yaml", "asyncio", "sqlite3", "filmlabd", "gymnasium", "torch", "multiprocessing", "jinja2"}


def test_import_is_thin() -> None:
    """No Pillow, no YAML, no asyncio, no database, no daemon: a trainer may have none of them to spare."""
    environ = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environ, check=True)
    found = json.loads(done.stdout)
    print(f"import filmlab: {found['spent_ms']:.1f} ms more than numpy, zmq, msgpack and zstandard")
    # zmq itself brings asyncio in; then it is not ours.
    loaded = {name.split(".")[0] for name in found["new"]}
    assert not loaded & NEVER
    assert "filmlab.link" in found["all"]
