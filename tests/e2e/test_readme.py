"""What the README shows has been run: its Python blocks are taken from the file itself."""

import re
from pathlib import Path

from e2e.house import House

README = Path(__file__).parents[2] / "README.md"
SETTING = """
import gymnasium as gym

class Agent:
    def act(self, observation):
        return int(observation[2] > 0)
    def update(self):
        return 0.5

env, agent = gym.make("CartPole-v1", render_mode="rgb_array"), Agent()
"""


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.S)


def test_the_loop_of_the_readme_runs_and_films_what_it_says(house: House) -> None:
    """Ten lines for one's own loop: every 100th episode and the last are filmed."""
    loop = blocks()[0].replace("1000", "3")
    house.train(SETTING + loop, SDL_VIDEODRIVER="dummy")
    house.wait_printed()
    found = sorted(path.name for path in (house.run_dir() / "episodes").glob("*.gif"))
    assert found == ["episode_000000.gif", "episode_000002.gif"]
    assert len(house.json("history.json")["metrics"]["loss"][0]["value"]) == 3


def test_the_wrapper_of_the_readme_films_by_itself(house: House) -> None:
    """Two lines around an environment: episodes and film arrive in the run."""
    program = (
        SETTING
        + "import filmlab\nrun = filmlab.init(project='wrapped')\n"
        + blocks()[1]
        + "for _ in range(2):\n    env.reset(seed=1)\n    while not any(env.step(0)[2:4]):\n        pass\n"
        + "env.close()\nrun.finish()\n"
    )
    house.train(program, SDL_VIDEODRIVER="dummy")
    house.wait_printed()
    with house.read() as index:
        (run,) = index.runs()
        episodes = index.episodes(run.run_id)
    assert [row.episode for row in episodes] == [0, 1]
    assert all(row.length > 0 and row.frames == row.length + 1 for row in episodes)
