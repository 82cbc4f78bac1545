"""Do a daemon and its trainer grow with time? Memory and descriptors of both, sampled while they do steady work."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from e2e.house import House, until

SAMPLE_EVERY_S = 5.0
WARM_SHARE = 1 / 3
"""Of the time: what is allocated once is allocated by then."""
TELLING_S = 3600.0
"""From here on a slope of memory means something: in a shorter run one page more or less is already a MB/h."""
MEMORY_MB_PER_H = 1.0
DESCRIPTORS_MORE = 80
"""64 films that stay open until others take their place, and workers that are replaced."""
LONG_TRAINER = """
    import os, sys, threading
    import numpy as np
    import filmlab

    run = filmlab.init(project="soak", name="long", id="long", schedule="every:20")
    pause, asked = threading.Event(), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), asked.set()), daemon=True).start()
    step, frame = 0, np.zeros((84, 84, 3), np.uint8)
    while not asked.is_set():
        with run.episode() as episode:
            for _ in range(50):
                frame[step % 84] = step % 256
                run.log({f"metric/{number}": step * 0.5 for number in range(10)}, step=step)
                episode.step(action=step % 4, reward=1.0, frame=frame)
                step += 1
                pause.wait(0.01)
    print("flushed", run.flush(600), "steps", step, flush=True)
    run.finish()
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Of one process at one moment."""

    at: float
    memory_bytes: int
    descriptors: int


class Growth:
    """A household that works as long as it is let, in a thread that looks at it."""

    def __init__(self, root: Path) -> None:
        self.house = House(root)
        self._pids = {"daemon": self.house.daemon().pid}
        self._trainer = self.house.trainer(LONG_TRAINER)
        self._pids["trainer"] = self._trainer.pid
        until(self.house.runs, "the run")
        self._samples: dict[str, list[Sample]] = {name: [] for name in self._pids}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> tuple[list[str], int]:
        """Let it come to its end; what was seen, a line for each process, and how much of it is bad."""
        self._over.set()
        self._thread.join()
        try:
            # Beside the loops of a soak the workers, at nice 19, get little of a processor.
            output, _ = self._trainer.communicate(timeout=700)
        finally:
            self.house.close()
        whole = "flushed True" in output
        told, bad = [] if whole else [f"bad: the trainer's last words: {output}"], int(not whole)
        for name, samples in self._samples.items():
            line, is_bad = judged(name, samples)
            told.append(line)
            bad += is_bad
        return told, bad

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_EVERY_S):
            for name, pid in self._pids.items():
                self._samples[name].append(look(pid))


def look(pid: int) -> Sample:
    """A process as it stands now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            memory_bytes = int(line.split()[1]) * 1024
    return Sample(time.monotonic(), memory_bytes, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def judged(name: str, samples: list[Sample]) -> tuple[str, bool]:
    """One sentence on a process, and whether it grows."""
    settled = samples[int(len(samples) * WARM_SHARE) :]
    if len(settled) < 3:
        return f"{name}: too short a time to tell", False
    hours = np.array([(sample.at - settled[0].at) / 3600 for sample in settled])
    megabytes = np.array([sample.memory_bytes / 1e6 for sample in settled])
    slope = float(np.polyfit(hours, megabytes, 1)[0])
    descriptors = [sample.descriptors for sample in settled]
    taken_s = settled[-1].at - settled[0].at
    grown = taken_s >= TELLING_S and slope > MEMORY_MB_PER_H
    more = max(descriptors) - min(descriptors)
    line = (
        f"{name}: {slope:+.1f} MB/h over {taken_s / 60:.1f} min after warming up ({megabytes[0]:.1f} to"
        f" {megabytes[-1]:.1f} MB), {min(descriptors)} to {max(descriptors)} descriptors"
    )
    return line, bool(grown or more > DESCRIPTORS_MORE)
