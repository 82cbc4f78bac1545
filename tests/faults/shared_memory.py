"""Where do tests write that break disks on purpose? In memory, where that can be had: a real disk takes only time."""

import os
import tempfile


def scratch(what: str) -> "tempfile.TemporaryDirectory[str]":
    """An empty directory for so long; `what` is in its name."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix=f"filmlab-{what}-", dir=memory)
