"""How does a run begin that nobody called `init` for? Its page and its JSON stay in the state directory."""

from dataclasses import replace

from filmlab import options as settings
from filmlab._run import Run
from filmlab.notices import say
from filmlab.paths import StatePaths
from filmlab.schedule import CaptureSchedule


def begin_apart(whose: str, *, name: str | None, schedule: CaptureSchedule | str, fps: float) -> Run:
    """Begin it, and say so in one line. It is not the current run of `filmlab.log`.

    Args:
        whose: what the line begins with.
        name: None: FILMLAB_NAME, else the script's.

    Raises:
        BadInput: an environment variable or the state directory cannot be used.
    """
    run_id = settings.new_id()
    options = settings.resolve(name=name, id=run_id, resume="allow", schedule=schedule, fps=fps)
    directory = StatePaths.find().root / "runs" / run_id
    options = replace(options, given_id=False, directory=directory)
    for complaint in options.complaints:
        say(complaint)
    run = Run(options)
    if options.mode != "disabled":
        kept = "; all is kept on disk until a daemon takes it" if options.mode == "offline" else ""
        say(f"{whose}{options.project}/{options.name}: `filmlab ls {run_id}` lists their prints{kept}")
    return run
