"""A plain Gymnasium loop: hill climbing learns CartPole-v1. One import is filmlab's.

    python examples/gymnasium_loop.py                 # a few seconds; films of the episodes 0, 1, 8, 27, 64, …
    python examples/gymnasium_loop.py --episodes 30

It leaves behind, in ./videos: `rl-video-episode-8.mp4` and `.gif`, and so on, as RecordVideo would leave the former.
Run again, it leaves its films beside those. `filmlab ls` shows the returns, and where the page with their curve is.
"""

import argparse

import gymnasium as gym
import numpy as np

from filmlab.integrations.gym import RecordEpisodes  # in place of: from gymnasium.wrappers import RecordVideo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    env = RecordEpisodes(gym.make("CartPole-v1", render_mode="rgb_array"), "videos")  # in place of: RecordVideo(…)
    rng = np.random.default_rng(options.seed)
    best, best_return = np.zeros(4), 0.0
    for episode in range(options.episodes):
        # Far away as long as nothing good is known.
        weights = best + rng.normal(scale=0.2 if best_return >= 100 else 2.0, size=4)
        observation, _ = env.reset(seed=options.seed + episode)
        return_, done = 0.0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(int(observation @ weights > 0))
            return_ += float(reward)
            done = terminated or truncated
        if return_ >= best_return:
            best, best_return = weights, return_
    print(f"best return: {best_return:.0f}")
    env.close()


if __name__ == "__main__":
    main()
