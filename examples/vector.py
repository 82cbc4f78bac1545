"""Eight CartPoles at once: the cross-entropy method tries eight policies side by side, and is filmed doing so.

    python examples/vector.py                         # a few seconds
    python examples/vector.py --own 0 5               # films of the sub-environments 0 and 5, each for itself

It leaves behind, in ./filmlab/default/vector-<id>/: `index.html`; the return and length of every episode of all eight;
`media/rl-video-episode-0_0.gif`, in which all eight are seen, from the beginning of an episode of the first to its end
(with --own, `episodes/episode_….gif`, each with its sub-environment and its number there in the JSON beside it).
"""

import argparse

import gymnasium as gym
import numpy as np

import filmlab
from filmlab.integrations.gym import RecordVectorEpisodes

COUNT = 8
KEPT = 12
"""The best of so many policies are kept."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--own", type=int, nargs="+", metavar="INDEX")
    options = parser.parse_args()
    run = filmlab.init(name="vector", config={"sub-environments": COUNT, "steps": options.steps})
    envs = gym.make_vec("CartPole-v1", num_envs=COUNT, vectorization_mode="sync", render_mode="rgb_array")
    envs = RecordVectorEpisodes(envs, video_aspect_ratio=(16, 9), indices=options.own, run=run)
    rng = np.random.default_rng(1)
    mean, std = np.zeros(4), np.ones(4)
    policies, returns = rng.normal(mean, std, (COUNT, 4)), np.zeros(COUNT)
    tried: list[tuple[float, np.ndarray]] = []
    observations, _ = envs.reset(seed=1)
    for _ in range(options.steps):
        actions = ((observations * policies).sum(axis=1) > 0).astype(np.int64)
        observations, rewards, terminated, truncated, _ = envs.step(actions)
        returns += rewards
        for index in np.flatnonzero(terminated | truncated):
            tried.append((float(returns[index]), policies[index].copy()))
            if len(tried) >= 4 * KEPT:
                best = np.stack([policy for _, policy in sorted(tried, key=lambda item: -item[0])[:KEPT]])
                mean, std = best.mean(axis=0), best.std(axis=0) + 0.05
                tried.clear()
            policies[index], returns[index] = rng.normal(mean, std), 0.0
    envs.close()
    run.finish()


if __name__ == "__main__":
    main()
