"""Stable-Baselines3's PPO learns CartPole-v1 in some processes and is evaluated now and then; two callbacks record it.

    python examples/sb3_ppo.py                  # about 1 minute
    python examples/sb3_ppo.py --steps 2000     # a short look

It leaves behind, in ./filmlab/default/PPO-CartPole-v1-<id>/: `index.html`; the curves of SB3's logger under its own
names (`rollout/ep_rew_mean`, `train/loss`, `eval/mean_reward`, …) and every episode's return; clips of the episodes 0,
1, 8, 27, … of all environments under `episodes/`; of each evaluation a clip, `media/eval_<step>.gif`; PPO's
settings as the run's configuration.
"""

import argparse

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv, VecNormalize

from filmlab.integrations.sb3 import FilmlabCallback, FilmlabEvalCallback


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--envs", type=int, default=4)
    parser.add_argument("--eval-every", type=int, default=10_000)
    args = parser.parse_args()
    torch.set_num_threads(1)

    film = {"env_kwargs": {"render_mode": "rgb_array"}}
    env = VecNormalize(make_vec_env("CartPole-v1", n_envs=args.envs, seed=1, vec_env_cls=SubprocVecEnv, **film))
    eval_env = VecNormalize(make_vec_env("CartPole-v1", seed=2, **film), training=False, norm_reward=False)

    model = PPO("MlpPolicy", env, n_steps=256, batch_size=256, seed=1, device="cpu")
    callback = FilmlabCallback()
    evaluation = FilmlabEvalCallback(
        eval_env, n_eval_episodes=3, eval_freq=max(1, min(args.eval_every, args.steps // 2) // env.num_envs), verbose=0
    )
    model.learn(args.steps, callback=[callback, evaluation])
    env.close()
    eval_env.close()
    callback.run.finish()


if __name__ == "__main__":
    main()
