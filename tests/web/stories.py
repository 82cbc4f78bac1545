"""Trainers for the tests of the page: one that does as it is told, and one that leaves a run with everything in it."""

from e2e.house import House
from e2e.told import Told

PLAY = """
    def play(run):
        with run.episode() as episode:
            for step in range(6):
                episode.step(step % 3, 1.0 + episode.index, np.full((40, 60, 3), 40 * step, np.uint8))
        run.log({"train/loss": 1 / (1 + episode.index), "train/lr": 0.1}, step=6 * episode.index)
"""

RICH = """
    import math
    import numpy as np
    import filmlab

    def play(run, first, count, gain):
        for number in range(first, first + count):
            length = 12 + number // 2
            with run.episode(number) as episode:
                for step in range(length):
                    frame = np.full((60, 90, 3), 240, np.uint8)
                    frame[20:40, (step * 5) % 70 : (step * 5) % 70 + 20] = (36, 103, 179)
                    episode.step(step % 4, gain * math.sin(step / 3) + 0.5, frame)
                episode.end(solved=number % 20 == 0, metadata={"gain": gain})
            loss = math.nan if number == 7 else math.inf if number == 9 else 10 / (1 + number)
            values = {"train/loss": loss, "train/entropy": 1 - number / 80, "eval/score": gain * number}
            run.log(values, step=10 * number)

    options = dict(project="walk", name="rich", id="rich", group="sac", tags=["baseline"], schedule="every:10+last:1")
    run = filmlab.init(config={"lr": 0.0003, "net": {"width": 64}}, **options)
    play(run, 0, 40, 1.0)
    run.update(summary={"success": 0.75})
    run.finish()
    again = filmlab.init(**options)
    play(again, 20, 30, 1.5)
    again.finish()
"""


def begin_alive(house: House) -> Told:
    """The run `alive`."""
    options = {"project": "play", "name": "alive", "id": "alive", "schedule": "every:5", "tags": ["fast"]}
    return Told(house, options, PLAY)
