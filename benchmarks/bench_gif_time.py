"""How long a GIF of n frames plays, ours beside other encoders': `python benchmarks/bench_gif_time.py`.

Peers are those that are installed: Pillow, imageio, moviepy, and the commands `ffmpeg` and `gifski`. Pillow reads the
delays as they stand; browsers show those under 2/100 s as 10/100 s: where that differs, it stands in brackets.
"""

from __future__ import annotations

import argparse
import importlib
import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from filmlabd.render.gif import encode_gif

Peer = Callable[[list[np.ndarray], float], bytes]


def by_pillow(frames: list[np.ndarray], fps: float) -> bytes:
    file = io.BytesIO()
    first, *others = map(Image.fromarray, frames)
    first.save(file, "GIF", save_all=True, append_images=others, duration=1000 / fps, loop=0)
    return file.getvalue()


def by_imageio(frames: list[np.ndarray], fps: float) -> bytes:
    imageio = importlib.import_module("imageio.v3")
    return bytes(imageio.imwrite("<bytes>", np.stack(frames), extension=".gif", duration=1000 / fps, loop=0))


def by_moviepy(frames: list[np.ndarray], fps: float) -> bytes:
    moviepy = importlib.import_module("moviepy")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.gif"
        moviepy.ImageSequenceClip(frames, fps=fps).write_gif(str(path), logger=None)
        return path.read_bytes()


def by_ffmpeg(frames: list[np.ndarray], fps: float) -> bytes:
    height, width = frames[0].shape[:2]
    source = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-")
    command = (_command("ffmpeg"), "-v", "error", *source, "-f", "gif", "-")
    return subprocess.run(command, input=b"".join(f.tobytes() for f in frames), capture_output=True, check=True).stdout


def by_gifski(frames: list[np.ndarray], fps: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number:05d}.png" for number in range(len(frames))]
        for path, frame in zip(paths, frames, strict=True):
            Image.fromarray(frame).save(path)
        out = Path(folder) / "clip.gif"
        command = (_command("gifski"), "-q", "--fps", str(fps), "-o", str(out), *map(str, paths))
        subprocess.run(command, check=True, capture_output=True)
        return out.read_bytes()


def _command(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ImportError(f"no command {name}")
    return path


PEERS: dict[str, Peer] = {
    "filmlab": lambda frames, fps: encode_gif(frames, fps).data,
    "Pillow": by_pillow,
    "imageio": by_imageio,
    "moviepy": by_moviepy,
    "ffmpeg": by_ffmpeg,
    "gifski": by_gifski,
}


def played_s(data: bytes) -> tuple[float, float]:
    """By the delays as they stand, and as browsers show them."""
    delays_ms = []
    with Image.open(io.BytesIO(data)) as clip:
        for number in range(getattr(clip, "n_frames", 1)):
            clip.seek(number)
            delays_ms.append(clip.info["duration"])
    return sum(delays_ms) / 1000, sum(100 if ms < 20 else ms for ms in delays_ms) / 1000


def moving(frames: int) -> list[np.ndarray]:
    """A square that moves, and rests every fifth frame: encoders merge equal frames, each in its way."""
    clip = []
    for number in range(frames):
        frame = np.full((120, 160, 3), 255, np.uint8)
        left = (number - number // 5) % 140
        frame[50:70, left : left + 20] = (200, 30, 30)
        clip.append(frame)
    return clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    options = parser.parse_args()
    rates = (24, 30, 60)
    frames = moving(options.frames)
    print(
        f"| {options.frames} frames | " + " | ".join(f"{fps} fps: {options.frames / fps:.2f} s" for fps in rates) + " |"
    )
    print("|---" * (len(rates) + 1) + "|")
    for name, encode in PEERS.items():
        cells = []
        for fps in rates:
            try:
                stored_s, shown_s = played_s(encode(frames, fps))
            except ImportError:
                cells.append("not installed")
            else:
                cells.append(f"{stored_s:.2f}" + (f" [{shown_s:.2f}]" if shown_s != stored_s else ""))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
