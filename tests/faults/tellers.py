"""Loops in processes of their own, side by side: a script, its seed and its count, shared out."""

import os
import subprocess
import sys
from pathlib import Path

PROCESSES = 2


def tell(script: str, seed: int, count: int) -> list[str]:
    """`script SEED COUNT` of this directory in two processes; what they print, or AssertionError with it."""
    share = -(-count // PROCESSES)
    environ = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    tellers = [
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(script)), str(seed + number * share), str(share)],
            env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    told = [teller.communicate()[0] for teller in tellers]
    print(*told, sep="\n")
    assert all(teller.returncode == 0 for teller in tellers), "\n".join(told)[-8000:]
    return told
