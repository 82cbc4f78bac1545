"""What is to be made of the episodes that some results hold? One file each, and videos of the first ones."""

from dataclasses import dataclass

from filmlab.errors import BadInput, WireError
from filmlab.media import check_fps
from filmlab.wholes import whole
from filmlab.wire.jsonbody import EXACT_MAX
from filmlab.wire.results_entries import VIDEOS_MAX, check_function


@dataclass(frozen=True, slots=True)
class EpisodeFiles:
    """For `run.log_results(results, episodes=…)`.

    Raises:
        BadInput: a number, or the name of the function, cannot be used.
    """

    steps_per_env: int
    """When these episodes were; names their directory, `episodes/step_00000500`."""
    global_step: int
    render: str = ""
    """`package.module:function`, which makes an (H, W, 3) uint8 frame of an observation. It is called elsewhere, with
    the interpreter, the module path and the working directory that `init` was called with."""
    videos: int = 8
    """Of how many episodes, at most."""
    fps: float = 30.0

    def __post_init__(self) -> None:
        for name, most in (("steps_per_env", EXACT_MAX), ("global_step", EXACT_MAX), ("videos", VIDEOS_MAX)):
            # As Python's own, for the wire.
            object.__setattr__(self, name, whole(name, getattr(self, name), most=most))
        object.__setattr__(self, "fps", check_fps(self.fps))
        if not isinstance(self.render, str):
            raise BadInput("render: the name of a function, 'package.module:function', since it is called elsewhere")
        try:
            if self.render:
                check_function(self.render)
        except WireError as error:
            raise BadInput(f"render: {error}") from None
