"""How does a script that writes for TensorBoard record itself? A `SummaryWriter` with PyTorch's arguments."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self

import numpy as np

from filmlab._run import Run
from filmlab.errors import BadInput
from filmlab.integrations._layouts import clip, image, settings_in
from filmlab.integrations._log_dir import Seats
from filmlab.media import Histogram, Image, Medium, Text, Video
from filmlab.notices import say_once

HYPERPARAMETERS = "hyperparameters"
"""A table under this tag is the run's configuration, too."""
_Arguments = ParamSpec("_Arguments")


def _guarded(
    method: "Callable[Concatenate[SummaryWriter, _Arguments], None]",
) -> "Callable[Concatenate[SummaryWriter, _Arguments], None]":
    """Whatever it is called with, nothing is raised into the training; `strict` raises."""

    @wraps(method)
    def call(self: "SummaryWriter", /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  # as said
            self.run._seat.failed(f"SummaryWriter.{method.__name__}", error)

    return call


class SummaryWriter:
    """Writes to a run what `torch.utils.tensorboard.SummaryWriter` would write to event files.

    Tags, steps and wall times stay as they are. Writers of one directory share one run, also when they are in several
    processes or the directory was used before: then it is a further attempt. A run that `filmlab.init` began is
    used in the place of a directory's own, and left open by `close`. Nothing here raises into the training.

    Args:
        log_dir: names the run (`runs/ppo__1`: `ppo__1`), and is made, for scripts that save there; the run's own files
            are in its `dir`. None: `runs/<date>_<host><comment>`.
        comment: behind a name that was made up here.
        purge_step, max_queue, flush_secs, filename_suffix: taken for PyTorch's sake. A further attempt replaces what
            it repeats by itself.
        run: the run to write to.
        writer: who this is among several processes of one run; None: by RANK, else `main`.

    Raises:
        BadInput: a run cannot be begun.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
        *,
        run: Run | None = None,
        writer: str | None = None,
    ) -> None:
        made_up = Path("runs") / f"{datetime.now():%b%d_%H-%M-%S}_{socket.gethostname()}{comment}"
        self.log_dir = os.fspath(log_dir or made_up)
        self._seats = Seats(self.log_dir, made_up=not log_dir, run=run, writer=writer)
        self.run = self._seats.run
        if self.run._options.mode != "disabled":
            Path(self.log_dir).mkdir(parents=True, exist_ok=True)

    def get_logdir(self) -> str:
        """The directory that was given."""
        return self.log_dir

    # --- numbers ----------------------------------------------------------------------------------------------------

    @_guarded
    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: float | None = None,
        new_style: bool = False, double_precision: bool = False,
    ) -> None:  # fmt: skip
        """One number. It is kept as float64 in any case."""
        self._open().log({tag: scalar_value}, global_step, wall=walltime)

    @_guarded
    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Several: `main_tag/key`."""
        if not isinstance(tag_scalar_dict, Mapping):
            raise BadInput(f"a mapping of names to numbers, got {type(tag_scalar_dict).__name__}")
        values = {f"{main_tag}/{key}": value for key, value in tag_scalar_dict.items()}
        self._open().log(values, global_step, wall=walltime)

    @_guarded
    def add_hparams(
        self, hparam_dict: Mapping[str, Any], metric_dict: Mapping[str, Any], hparam_domain_discrete: Any = None,
        run_name: str | None = None, global_step: int | None = None,
    ) -> None:  # fmt: skip
        """Keys of the run's configuration, and of its summary; the latter are metrics, too."""
        self._open().update(config=hparam_dict, summary=metric_dict)
        self._open().log(metric_dict, global_step)

    # --- media ------------------------------------------------------------------------------------------------------

    @_guarded
    def add_image(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:  # fmt: skip
        """One image, uint8 or floats from 0 to 1; its dimensions as `dataformats` says."""
        self._log(tag, lambda: image(img_tensor, dataformats), global_step, walltime)

    @_guarded
    def add_images(
        self, tag: str, img_tensor: Any, global_step: int | None = None, walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:  # fmt: skip
        """A batch of images, side by side in one."""
        self._log(tag, lambda: image(img_tensor, dataformats), global_step, walltime)

    @_guarded
    def add_image_with_boxes(
        self, tag: str, img_tensor: Any, box_tensor: Any, global_step: int | None = None,
        walltime: float | None = None, rescale: float = 1, dataformats: str = "CHW", labels: Any = None,
    ) -> None:  # fmt: skip
        """The image; boxes are not drawn."""
        say_once("SummaryWriter.add_image_with_boxes: boxes are left out")
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    @_guarded
    def add_figure(
        self, tag: str, figure: Any, global_step: int | None = None, close: bool = True, walltime: float | None = None
    ) -> None:
        """A figure of matplotlib, or a list of them, drawn now."""
        pyplot = sys.modules.get("matplotlib.pyplot")
        for each in figure if isinstance(figure, list) else [figure]:
            self._log(tag, lambda each=each: Image(each), global_step, walltime)  # type: ignore[misc]  # bound at once
            if close and pyplot is not None:
                pyplot.close(each)

    @_guarded
    def add_video(
        self, tag: str, vid_tensor: Any, global_step: int | None = None, fps: float = 4, walltime: float | None = None
    ) -> None:
        """A batch of clips, (N, T, C, H, W), side by side in one."""
        self._log(tag, lambda: Video(clip(vid_tensor), fps=fps, layout="THWC"), global_step, walltime)

    @_guarded
    def add_histogram(
        self, tag: str, values: Any, global_step: int | None = None, bins: Any = "tensorflow",
        walltime: float | None = None, max_bins: int | None = None,
    ) -> None:  # fmt: skip
        """Counted now: in 64 bins of equal width, or as `numpy.histogram` takes `bins`."""
        self._log(
            tag,
            lambda: Histogram(values, num_bins=64 if isinstance(bins, str) and bins == "tensorflow" else bins),
            global_step,
            walltime,
        )

    @_guarded
    def add_histogram_raw(
        self, tag: str, min: float, max: float, num: float, sum: float, sum_squares: float, bucket_limits: Any,
        bucket_counts: Any, global_step: int | None = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """One that was counted already; `bucket_limits` are the upper edges."""

        def make() -> Histogram:
            edges = np.clip(np.append(min, np.asarray(bucket_limits, np.float64)), min, max)
            return Histogram(np_histogram=(bucket_counts, edges))

        self._log(tag, make, global_step, walltime)

    @_guarded
    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """A text in Markdown. A table of two columns under `hyperparameters` sets the run's configuration, too."""
        self._log(tag, lambda: Text(text_string, markdown=True), global_step, walltime)
        if tag == HYPERPARAMETERS:
            self._open().update(config=settings_in(str(text_string)))

    # --- what is not recorded ---------------------------------------------------------------------------------------

    @_guarded
    def add_audio(
        self, tag: str, snd_tensor: Any, global_step: int | None = None, sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Dropped."""
        _drop("add_audio")

    @_guarded
    def add_custom_scalars(self, layout: Any) -> None:
        """Dropped."""
        _drop("add_custom_scalars")

    @_guarded
    def add_custom_scalars_marginchart(self, tags: Any, category: str = "default", title: str = "untitled") -> None:
        """Dropped."""
        _drop("add_custom_scalars_marginchart")

    @_guarded
    def add_custom_scalars_multilinechart(self, tags: Any, category: str = "default", title: str = "untitled") -> None:
        """Dropped."""
        _drop("add_custom_scalars_multilinechart")

    @_guarded
    def add_embedding(
        self, mat: Any, metadata: Any = None, label_img: Any = None, global_step: int | None = None,
        tag: str = "default", metadata_header: Any = None,
    ) -> None:  # fmt: skip
        """Dropped."""
        _drop("add_embedding")

    @_guarded
    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Dropped."""
        _drop("add_graph")

    @_guarded
    def add_mesh(
        self, tag: str, vertices: Any, colors: Any = None, faces: Any = None, config_dict: Any = None,
        global_step: int | None = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Dropped."""
        _drop("add_mesh")

    @_guarded
    def add_onnx_graph(self, prototxt: Any) -> None:
        """Dropped."""
        _drop("add_onnx_graph")

    @_guarded
    def add_pr_curve(
        self, tag: str, labels: Any, predictions: Any, global_step: int | None = None, num_thresholds: int = 127,
        weights: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Dropped."""
        _drop("add_pr_curve")

    @_guarded
    def add_pr_curve_raw(
        self, tag: str, true_positive_counts: Any, false_positive_counts: Any, true_negative_counts: Any,
        false_negative_counts: Any, precision: Any, recall: Any, global_step: int | None = None,
        num_thresholds: int = 127, weights: Any = None, walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Dropped."""
        _drop("add_pr_curve_raw")

    @_guarded
    def add_tensor(self, tag: str, tensor: Any, global_step: int | None = None, walltime: float | None = None) -> None:
        """Dropped."""
        _drop("add_tensor")

    # --- the end ----------------------------------------------------------------------------------------------------

    @_guarded
    def flush(self) -> None:
        """Hand over what there is. Waits for nothing: `writer.run.flush()` does."""
        process = self.run._seat.process
        if process is not None:
            process.link.hurry()

    @_guarded
    def close(self) -> None:
        """The last writer of a directory finishes its run. Idempotent; also done when the process ends.

        What is written afterwards goes to a further attempt of the run.
        """
        self._seats.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> Run:
        """The run; begun again where the writer is used on after `close`, as PyTorch's begins a further file."""
        if self._seats.left:
            self.run = self._seats.again()
        return self.run

    def _log(self, tag: str, make: Callable[[], Medium], step: int | None, walltime: float | None) -> None:
        try:
            medium = make()
        except Exception as error:  # noqa: BLE001  # nothing of ours ends a training; strict raises in `failed`
            self.run._seat.failed(f"SummaryWriter, {tag!r},", error)
            return
        self._open().log({tag: medium}, step, wall=walltime)


def _drop(what: str) -> None:
    say_once(f"SummaryWriter.{what} is dropped: nothing here shows it")
