"""Where does what lie in a run's directory, and how does it get there? The same files by `save` and by the lab."""

import os
from pathlib import Path
from typing import Any, Literal, TypeAlias

from filmlab.errors import BadInput, Corrupt
from filmlab.pytree.dtypes import BadTree
from filmlab.pytree.files import replace_file, save_state
from filmlab.pytree.read import read
from filmlab.pytree.write import to_bytes
from filmlab.results import yaml_text
from filmlab.results.config import Config, plain, with_attributes
from filmlab.results.metadata import RunMetadata

RunType: TypeAlias = Literal["training", "evaluation"]

CONFIG = ".hydra/config.yaml"
RESULTS = "results.msgpack"
METADATA = "run_metadata.yaml"
CHECKPOINTS = "checkpoints"
FINAL = "final"
YAML_MAX_BYTES = 16 * 1024 * 1024
FORMAT = 1
"""Of `results.msgpack`."""


def checkpoint_path(name: str = FINAL) -> str:
    """Where an agent's state lies. Raises BadInput for a name that is no file's."""
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise BadInput(f"a checkpoint's name is that of a file, not {name!r}")
    return f"{CHECKPOINTS}/{name}.msgpack"


def write_directory(
    directory: str | os.PathLike[str], tree: dict[str, Any], config: Any, metadata: RunMetadata, state: Any
) -> None:
    """All files of a run, each of them whole or not at all. `state`: None writes no checkpoint.

    Raises:
        BadInput: the configuration or the numbers cannot be written.
        RuntimeError: the agent's state cannot be; names the leaf.
        OSError: the directory cannot be written.
    """
    root = Path(directory)
    documents = {CONFIG: yaml_text.dump(plain(config)), METADATA: yaml_text.dump(metadata.document())}
    data = to_bytes(tree)
    # What can be refused comes first: so the rest is not written for nothing.
    if state is not None:
        save_state(state, root / checkpoint_path())
    for name, text in documents.items():
        replace_file(root / name, (text,))
    replace_file(root / RESULTS, (data,))


def header(run_type: RunType, run_dir: Any) -> dict[str, Any]:
    """What each `results.msgpack` begins with. Raises BadInput where the directory is no path."""
    if not isinstance(run_dir, str | os.PathLike):
        raise BadInput(f"run_dir: a path, got {type(run_dir).__name__}")
    return {"format": FORMAT, "type": run_type, "run_dir": os.fspath(run_dir)}


def read_results(directory: str | os.PathLike[str], wanted: RunType | None = None) -> dict[str, Any]:
    """The tree in `results.msgpack`.

    Raises:
        FileNotFoundError: there is none.
        BadInput: it is of the other kind.
        Corrupt: it is damaged.
    """
    path = Path(directory) / RESULTS
    try:
        with path.open("rb") as file:
            tree = read(file, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is not there: the results of the run") from None
    except BadTree as error:
        raise Corrupt(f"{path}: {error}") from error
    if not isinstance(tree, dict) or tree.get("type") not in ("training", "evaluation"):
        raise Corrupt(f"{path}: these are no results")
    if tree.get("format") != FORMAT:
        raise Corrupt(f"{path} is of format {tree.get('format')!r}; this version reads {FORMAT}")
    if wanted not in (None, tree["type"]):
        names = {"training": "TrainingResults", "evaluation": "EvaluationResults"}
        raise BadInput(f"{path} holds results of type {tree['type']}: {names[tree['type']]}.load reads them")
    return tree


def read_config(directory: str | os.PathLike[str]) -> Config:
    """The configuration. Raises FileNotFoundError where there is none, Corrupt where it is damaged."""
    found = _read_yaml(directory, CONFIG, "the configuration of the run, as Hydra leaves it")
    try:
        return with_attributes(found if found is not None else {})
    except BadInput as error:
        raise Corrupt(f"{Path(directory) / CONFIG}: {error}") from None


def read_metadata(directory: str | os.PathLike[str]) -> RunMetadata:
    """The circumstances. Raises FileNotFoundError where there are none, Corrupt where they are damaged."""
    found = _read_yaml(directory, METADATA, "under which circumstances the run came about")
    return RunMetadata.of(found, os.fspath(Path(directory) / METADATA))


def _read_yaml(directory: str | os.PathLike[str], name: str, purpose: str) -> Any:
    path = Path(directory) / name
    try:
        with path.open("rb") as file:
            data = file.read(YAML_MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is not there: {purpose}") from None
    if len(data) > YAML_MAX_BYTES:
        raise Corrupt(f"{path} is over {YAML_MAX_BYTES} bytes")
    try:
        return yaml_text.load(data, os.fspath(path))
    except BadInput as error:
        raise Corrupt(str(error)) from None
