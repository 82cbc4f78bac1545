"""What of wandb's would give a script something to go on with, and is not here? Refused at once, with what to do."""

from types import SimpleNamespace
from typing import Any, NoReturn

from filmlab.errors import BadInput
from filmlab.options import new_id


def use_artifact(*_: Any, **__: Any) -> NoReturn:
    """Raises BadInput: there is none to read."""
    raise BadInput("use_artifact: there are no artifacts here; read the file from where it lies")


def use_model(*_: Any, **__: Any) -> NoReturn:
    """Raises BadInput: there is none to read."""
    raise BadInput("use_model: there is no registry of models here; read the file from where it lies")


def restore(*_: Any, **__: Any) -> NoReturn:
    """Raises BadInput: files of one's own were not taken."""
    raise BadInput("restore: files of one's own are not kept here; read what the script saved in run.dir")


def sweep(*_: Any, **__: Any) -> NoReturn:
    """Raises BadInput: nobody chooses settings."""
    raise BadInput("sweep: nobody here chooses settings; loop over them, with init(config=…, group=…) for each")


def agent(*_: Any, **__: Any) -> NoReturn:
    """Raises BadInput: nobody chooses settings."""
    raise BadInput("agent: there are no sweeps here; loop over the settings, with init(config=…, group=…) for each")


class Api:
    """Asks wandb's server. Raises BadInput: there is none."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise BadInput(
            "Api: there is no server here; run.json and history.json in run.dir have it all, and `filmlab ls`"
        )


class RefusedCalls:
    """The same as methods of a run."""

    use_artifact = staticmethod(use_artifact)
    use_model = staticmethod(use_model)
    restore = staticmethod(restore)


util = SimpleNamespace(generate_id=lambda length=8: "".join(new_id() for _ in range(0, length, 8))[:length])
"""What scripts take from `wandb.util`: an id for `init(id=…)`."""
