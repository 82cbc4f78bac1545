"""A real agent: the cross-entropy method with a linear policy learns CartPole-v1, filmed by filmlab.

Run it by itself (`python examples/cartpole.py`), or see `demo.py`, which runs two of them at once.
"""

import argparse
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

import gymnasium as gym
import numpy as np

import filmlab
from filmlab.integrations.gym import RecordEpisodes


def play(env: gym.Env, weights: np.ndarray) -> float:
    """One episode with a linear policy (weights of shape (5,), the last is the bias); its return."""
    observation, _ = env.reset()
    total, done = 0.0, False
    while not done:
        action = int(observation @ weights[:4] + weights[4] > 0)
        observation, reward, terminated, truncated, _ = env.step(action)
        total += float(reward)
        done = terminated or truncated
    return total


def train(run: filmlab.Run, seed: int, generations: int, population: int) -> None:
    """Sample policies, keep the best fifth, sample around them: solved within about ten generations."""
    rng = np.random.default_rng(seed)
    env = RecordEpisodes(gym.make("CartPole-v1", render_mode="rgb_array"), run=run)
    env.reset(seed=seed)
    mean, std = np.zeros(5), np.full(5, 2.0)
    for generation in range(generations):
        policies = rng.normal(mean, std, size=(population, 5))
        returns = np.array([play(env, policy) for policy in policies])
        elite = policies[np.argsort(returns)[-population // 5 :]]
        mean, std = elite.mean(axis=0), elite.std(axis=0) + 0.3 / (generation + 1)
        run.log(
            {"cem/mean_return": returns.mean(), "cem/best_return": returns.max(), "cem/policy_std": std.mean()},
            step=generation,
        )
        print(
            f"{run.name}: generation {generation + 1:2d}/{generations}, mean return {returns.mean():6.1f}", flush=True
        )
    env.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--generations", type=int, default=20)
    options.add_argument("--population", type=int, default=30)
    options.add_argument("--report", type=Path, help="write what filmlab cost to this JSON file")
    args = options.parse_args()
    # Frames are rendered to arrays only: SDL, below the environment, needs no screen for that.
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    run = filmlab.init(
        project="cartpole",
        name=f"cem-seed-{args.seed}",
        group="cross-entropy",
        config={"seed": args.seed, "generations": args.generations, "population": args.population},
    )
    began_at = time.perf_counter()
    train(run, args.seed, args.generations, args.population)
    trained_s = time.perf_counter() - began_at
    run.flush()
    run.finish()
    if args.report:
        args.report.write_text(json.dumps({"dir": str(run.dir), "trained_s": trained_s} | asdict(run.stats)))


if __name__ == "__main__":
    main()
