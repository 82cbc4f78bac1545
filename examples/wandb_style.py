"""A script as people write it for wandb, with one import changed: random search learns MountainCarContinuous-v0.

    python examples/wandb_style.py                # 400 policies, under a minute
    python examples/wandb_style.py --steps 30     # a short look

It leaves behind, in ./filmlab/<project>/<name>-<id>/: `index.html`; curves of `score` and, over `generation`, of
`search.*`; under `media/` a picture of each generation's policies, a histogram of their scores, and a clip of the best
one; what was summed up (`score.max`) and set (`best`) in the summary of `run.json`.
"""

import argparse

import gymnasium as gym
import numpy as np

import filmlab as wandb


def play(env: gym.Env, policy: np.ndarray, frames: list[np.ndarray] | None = None) -> float:
    """The return of one episode with a linear policy (position, velocity, bias)."""
    observation, _ = env.reset(seed=0)
    total, done = 0.0, False
    while not done:
        action = np.clip([policy[:2] @ observation + policy[2]], -1, 1).astype(np.float32)
        observation, reward, terminated, truncated, _ = env.step(action)
        total, done = total + float(reward), terminated or truncated
        if frames is not None:
            frames.append(env.render()[::2, ::2])
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400, help="policies to try")
    parser.add_argument("--population", type=int, default=10)
    parser.add_argument("--spread", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    wandb.init(project="mountain-car", name="random-search", config=vars(args), tags=["example"], save_code=True)
    wandb.define_metric("score", summary="max,mean")
    wandb.define_metric("search.*", step_metric="generation")
    config = wandb.config

    rng = np.random.default_rng(config.seed)
    env = gym.make("MountainCarContinuous-v0", render_mode="rgb_array")
    mean, best, best_score = np.zeros(3), np.zeros(3), -np.inf
    for generation in range(max(1, config.steps // config.population)):
        policies = mean + config.spread * 0.97**generation * rng.normal(size=(config.population, 3))
        scores = np.array([play(env, policy) for policy in policies])
        for score in scores:
            wandb.log({"score": score})
        if scores.max() > best_score:
            best, best_score = policies[scores.argmax()], scores.max()
            mean = best
        wandb.log(
            {
                "generation": generation,
                "search": {"best": best_score, "spread": policies.std()},
                "scores": wandb.Histogram(scores),
                "policies": wandb.Image(np.kron(policies, np.ones((12, 40))), caption="one policy a row"),
            }
        )
    wandb.summary["best"] = best_score

    frames: list[np.ndarray] = []
    play(env, best, frames)
    wandb.log({"best policy": wandb.Video(np.stack(frames), fps=30, format="gif")})
    print(f"best score {best_score:.1f}: {wandb.run.url}")
    wandb.finish()


if __name__ == "__main__":
    main()
