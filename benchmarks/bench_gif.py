"""How fast, how small and how true our GIFs are beside Pillow's `save_all`: `python benchmarks/bench_gif.py`.

Every ratio is from one process, with the methods taking turns; times are CPU times, medians of the rounds.
It needs Pillow, and makes those clips for whose environments the packages are installed
(`gymnasium[classic-control,box2d,toy-text,mujoco]`, `ale-py`; MuJoCo without a display: `MUJOCO_GL=osmesa`).
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import gif_clips
import numpy as np
from PIL import Image

from filmlabd.render.gif import encode_gif

# Whole hundredths of a second per frame: Pillow truncates others, and plays its clips too fast.
FPS = 25
# Least speed-up and most bytes against Pillow, by clip: default quality, exact quality.
GOALS = {
    "CartPole": ((30, 0.9), (30, 0.9)),
    "FrozenLake": ((30, 0.9), (30, 0.9)),
    "MountainCar": ((30, 0.9), (30, 0.9)),
    "LunarLander": ((15, 0.8), (10, 1.0)),
    "Breakout": ((5, 0.75), (5, 0.75)),
    "Pong": ((4, 0.75), (4, 0.75)),
    "CarRacing": ((4, 1.0), (3.5, 1.0)),
    "HalfCheetah": ((4, 1.0), (3, 1.0)),
    "Natural": ((15, 1.05), (15, 1.05)),
}


@dataclass(frozen=True)
class Outcome:
    """One method on one clip."""

    ms_per_frame: float
    bytes_per_frame: float
    psnr_db: float
    exact_share: float
    duration_error_ms: float


def by_pillow(frames: np.ndarray) -> bytes:
    """What most recorders do."""
    file = io.BytesIO()
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(file, "GIF", save_all=True, append_images=others, duration=1000 / FPS, loop=0)
    return file.getvalue()


METHODS: dict[str, Callable[[np.ndarray], bytes]] = {
    "Pillow": by_pillow,
    "balanced": lambda frames: encode_gif(frames, FPS).data,
    "exact": lambda frames: encode_gif(frames, FPS, quality="exact").data,
}


def fidelity(frames: np.ndarray, data: bytes) -> tuple[float, float, float]:
    """PSNR over the clip (dB), the share of frames without any error, and by how much the file is too long (ms)."""
    errors: list[float] = []
    shown_ms = 0.0
    with Image.open(io.BytesIO(data)) as clip:
        for number in range(getattr(clip, "n_frames", 1)):
            clip.seek(number)
            picture = np.asarray(clip.convert("RGB")).astype(np.int32)
            shown_ms += clip.info["duration"]
            while len(errors) < len(frames) and (len(errors) + 0.5) * 1000 / FPS < shown_ms:
                errors.append(float(np.mean((picture - frames[len(errors)]) ** 2)))
    # Frames after the end of the file are lost: shown as its last picture.
    errors += [float(np.mean((picture - frame) ** 2)) for frame in frames[len(errors) :]]
    mean = statistics.fmean(errors)
    psnr_db = float("inf") if mean == 0 else float(10 * np.log10(255**2 / mean))
    return psnr_db, errors.count(0.0) / len(errors), shown_ms - 1000 * len(frames) / FPS


def measure(frames: np.ndarray, rounds: int) -> dict[str, Outcome]:
    """All methods on one clip, taking turns."""
    times_s: dict[str, list[float]] = {name: [] for name in METHODS}
    files: dict[str, bytes] = {}
    for _ in range(rounds):
        for name, encode in METHODS.items():
            start_s = time.process_time()
            files[name] = encode(frames)
            times_s[name].append(time.process_time() - start_s)
    return {
        name: Outcome(
            1000 * statistics.median(times_s[name]) / len(frames),
            len(files[name]) / len(frames),
            *fidelity(frames, files[name]),
        )
        for name in METHODS
    }


def verdict(name: str, outcomes: dict[str, Outcome]) -> str:
    """The goals that this clip misses, or `ok`."""
    pillow = outcomes["Pillow"]
    misses = []
    for quality, (least_ratio, most_share) in zip(("balanced", "exact"), GOALS[name], strict=True):
        ours = outcomes[quality]
        if pillow.ms_per_frame / ours.ms_per_frame < least_ratio:
            misses.append(f"{quality} under {least_ratio}×")
        if ours.bytes_per_frame > most_share * pillow.bytes_per_frame:
            misses.append(f"{quality} over {most_share}× the size")
        if ours.psnr_db < least_psnr_db(name, quality, pillow.psnr_db):
            misses.append(f"{quality} not true enough")
        if abs(ours.duration_error_ms) > 5:
            misses.append(f"{quality} not as long as the episode")
    return ", ".join(misses) or "ok"


def least_psnr_db(name: str, quality: str, pillow_db: float) -> float:
    """How true a clip must be, given Pillow's."""
    if name == "Natural":
        return pillow_db
    return pillow_db + 5 if quality == "exact" else min(60.0, pillow_db)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", help=f"of {', '.join(gif_clips.MAKERS)}; all that can be made by default")
    parser.add_argument("--frames", type=int, default=300, help="per clip")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(
        "| clip | Pillow ms/frame | kB/frame | PSNR dB | quality | × faster | size | PSNR dB | exact frames | goals |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in options.clips or gif_clips.MAKERS:
        if not gif_clips.can_be_made(name):
            print(f"| {name} | not measured: its packages are not installed |")
            continue
        frames = gif_clips.MAKERS[name](options.frames)
        outcomes = measure(frames, options.rounds)
        pillow = outcomes["Pillow"]
        for quality in ("balanced", "exact"):
            ours = outcomes[quality]
            print(
                f"| {name} | {pillow.ms_per_frame:.2f} | {pillow.bytes_per_frame / 1000:.2f} | {pillow.psnr_db:.1f} "
                f"| {quality} | {pillow.ms_per_frame / ours.ms_per_frame:.1f} "
                f"| {ours.bytes_per_frame / pillow.bytes_per_frame:.2f} | {ours.psnr_db:.1f} "
                f"| {ours.exact_share:.0%} | {verdict(name, outcomes)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
