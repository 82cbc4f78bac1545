"""PPO in one file, in the style of CleanRL, learns CartPole-v1. Only two imports are filmlab's.

    python examples/ppo.py                  # solved in about 2 minutes on one core
    python examples/ppo.py --steps 2000     # a short look

It leaves behind, in ./filmlab/default/<run name>-<id>/: `index.html`; the curves that PPO's users know
(`charts/episodic_return`, `losses/value_loss`, …); clips of the episodes 0, 1, 8, 27, … under `episodes/`; the
hyperparameters as the run's configuration, and as a table in `media/`; a histogram of the policy's weights. The model
is where CleanRL puts it: runs/<run name>/ppo.pt.
"""

import argparse
import time

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

from filmlab.integrations.gym import RecordEpisodes  # in place of gymnasium.wrappers.RecordVideo
from filmlab.integrations.tensorboard import SummaryWriter  # in place of torch.utils.tensorboard


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--env-id", default="CartPole-v1")
    parser.add_argument("--steps", type=int, default=100_000, help="of all environments together")
    parser.add_argument("--num-envs", type=int, default=4)
    parser.add_argument("--num-steps", type=int, default=128, help="of each environment, between two updates")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=2.5e-4)
    parser.add_argument("--gamma", type=float, default=0.99)
    parser.add_argument("--gae-lambda", type=float, default=0.95)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--minibatches", type=int, default=4)
    parser.add_argument("--clip", type=float, default=0.2)
    parser.add_argument("--entropy", type=float, default=0.01)
    return parser.parse_args()


def make_env(env_id: str, index: int, run_name: str):
    def thunk() -> gym.Env:
        env = gym.make(env_id, render_mode="rgb_array" if index == 0 else None)
        if index == 0:
            env = RecordEpisodes(env, name_prefix=run_name)
        return gym.wrappers.RecordEpisodeStatistics(env)

    return thunk


def layer(inputs: int, outputs: int, gain: float = 2**0.5) -> nn.Linear:
    made = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(made.weight, gain)
    nn.init.zeros_(made.bias)
    return made


class Agent(nn.Module):
    def __init__(self, observations: int, actions: int) -> None:
        super().__init__()
        self.critic = nn.Sequential(layer(observations, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, 1, 1.0))
        self.actor = nn.Sequential(
            layer(observations, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, actions, 0.01)
        )

    def act(self, obs: torch.Tensor, action: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        chances = Categorical(logits=self.actor(obs))
        action = chances.sample() if action is None else action
        return action, chances.log_prob(action), chances.entropy(), self.critic(obs).squeeze(-1)


def advantages_of(rewards, values, dones, next_value, next_done, gamma, lam) -> torch.Tensor:
    """Generalised advantage estimates, (num_steps, num_envs)."""
    out, last = torch.zeros_like(rewards), torch.zeros_like(next_value)
    for t in reversed(range(len(rewards))):
        alive = 1.0 - (next_done if t == len(rewards) - 1 else dones[t + 1])
        following = next_value if t == len(rewards) - 1 else values[t + 1]
        last = rewards[t] + gamma * following * alive - values[t] + gamma * lam * alive * last
        out[t] = last
    return out


def update(agent, optimizer, args, obs, actions, logprobs, advantages, returns) -> dict[str, float]:
    """Some epochs over one batch; the losses of the last minibatch."""
    size = len(obs) // args.minibatches
    for _ in range(args.epochs):
        for part in torch.randperm(len(obs)).split(size):
            _, newlogprob, entropy, value = agent.act(obs[part], actions[part])
            ratio = (newlogprob - logprobs[part]).exp()
            gain = (advantages[part] - advantages[part].mean()) / (advantages[part].std() + 1e-8)
            policy_loss = torch.max(-gain * ratio, -gain * ratio.clamp(1 - args.clip, 1 + args.clip)).mean()
            value_loss = 0.5 * (value - returns[part]).square().mean()
            loss = policy_loss - args.entropy * entropy.mean() + 0.5 * value_loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    return {"policy_loss": policy_loss.item(), "value_loss": value_loss.item(), "entropy": entropy.mean().item()}


def main() -> None:
    args = parse_args()
    run_name = f"{args.env_id}__ppo__{args.seed}__{int(time.time())}"
    writer = SummaryWriter(f"runs/{run_name}")
    rows = "\n".join(f"|{key}|{value}|" for key, value in vars(args).items())
    writer.add_text("hyperparameters", f"|param|value|\n|-|-|\n{rows}")
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    envs = gym.vector.SyncVectorEnv(
        [make_env(args.env_id, index, run_name) for index in range(args.num_envs)],
        autoreset_mode=gym.vector.AutoresetMode.SAME_STEP,
    )
    agent = Agent(int(np.prod(envs.single_observation_space.shape)), envs.single_action_space.n)
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)

    shape = (args.num_steps, args.num_envs)
    obs = torch.zeros((*shape, *envs.single_observation_space.shape))
    actions, logprobs, rewards, dones, values = (torch.zeros(shape) for _ in range(5))
    next_obs = torch.as_tensor(envs.reset(seed=args.seed)[0])
    next_done = torch.zeros(args.num_envs)
    updates, global_step, began = max(1, args.steps // (args.num_steps * args.num_envs)), 0, time.time()

    for number in range(updates):
        optimizer.param_groups[0]["lr"] = args.learning_rate * (1 - number / updates)
        for t in range(args.num_steps):
            global_step += args.num_envs
            obs[t], dones[t] = next_obs, next_done
            with torch.no_grad():
                actions[t], logprobs[t], _, values[t] = agent.act(next_obs)
            found, reward, terminated, truncated, infos = envs.step(actions[t].int().numpy())
            next_obs, next_done = torch.as_tensor(found), torch.as_tensor(terminated | truncated).float()
            rewards[t] = torch.as_tensor(reward)
            ended = infos.get("final_info", {})
            for index in np.flatnonzero(ended.get("_episode", [])):
                writer.add_scalar("charts/episodic_return", ended["episode"]["r"][index], global_step)
                writer.add_scalar("charts/episodic_length", ended["episode"]["l"][index], global_step)
        with torch.no_grad():
            next_value = agent.critic(next_obs).squeeze(-1)
        advantages = advantages_of(rewards, values, dones, next_value, next_done, args.gamma, args.gae_lambda)
        flat = (obs.flatten(0, 1), actions.flatten(), logprobs.flatten(), advantages.flatten())
        losses = update(agent, optimizer, args, *flat, (advantages + values).flatten())
        for name, value in losses.items():
            writer.add_scalar(f"losses/{name}", value, global_step)
        writer.add_scalar("charts/learning_rate", optimizer.param_groups[0]["lr"], global_step)
        writer.add_scalar("charts/SPS", int(global_step / (time.time() - began)), global_step)

    writer.add_histogram("weights/actor", agent.actor[0].weight, global_step)
    torch.save(agent.state_dict(), f"runs/{run_name}/ppo.pt")
    envs.close()
    writer.close()


if __name__ == "__main__":
    main()
