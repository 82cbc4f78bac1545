"""What is made of results? The same files in the run's directory that `results.save` would have written."""

import json
from pathlib import Path

from filmlab.errors import BadInput, Corrupt
from filmlab.pytree.read import from_bytes
from filmlab.results import yaml_text
from filmlab.results.episodes import Episodes
from filmlab.results.layout import CONFIG, METADATA, RESULTS, YAML_MAX_BYTES, checkpoint_path
from filmlab.results.metadata import RunMetadata
from filmlabd.artifacts import Made, RunDirectory
from filmlabd.develop.videos import Order, make_videos
from filmlabd.index.read import Reader
from filmlabd.journal.film_parcel import ParcelReader
from filmlabd.journal.films import film_path
from filmlabd.model import Job, ResultsRow, RunRow


def make_results(job: Job, run: RunRow, reader: Reader, room: Path, directory: RunDirectory) -> Made:
    """`.hydra/config.yaml`, `run_metadata.yaml`, `checkpoints/final.msgpack` and, last, `results.msgpack`.

    An agent's state that did not come whole is left out, and said; a former one stays. Episodes, and videos of them,
    come behind all that: what is wrong with them is a note.

    Args:
        room: the directory of all films.

    Raises:
        BadInput: the index knows no such results, or they did not come whole.
    """
    row = reader.results_of(job.session, job.film)
    if row is None:
        raise BadInput(f"the index knows no results {job.film} of session {job.session:016x}")
    base = f"{row.place}/" if row.place else ""
    sizes = dict(row.parts)
    notes = [row.note] if row.note else []
    paths = []
    with ParcelReader(film_path(room, job.session, job.film)) as parcel:
        try:
            config = _config(parcel, sizes.get("config", 0))
            results = b"".join(parcel.take(sizes["results"]))
        except Corrupt as error:
            raise BadInput(f"the results of type {row.run_type} did not come whole: {error}") from None
        for name, text in ((CONFIG, config), (METADATA, _metadata(row))):
            paths.append(directory.publish(base + name, text, final=job.final))
        if "state" in sizes:
            try:
                pieces = parcel.take(sizes["state"])
                paths.append(directory.publish(base + checkpoint_path(), pieces, final=job.final))
            except Corrupt as error:
                notes.append(f"the agent state did not come whole, so there is no checkpoint of it: {error}")
        # Last: whoever finds it finds all that belongs to it.
        paths.insert(0, directory.publish(base + RESULTS, results, final=job.final))
    if row.episodes:
        made, more = _make_episodes(row, run, reader, results, directory, base)
        paths, notes = paths + made, notes + more
    return tuple(paths), tuple(notes)


def _make_episodes(
    row: ResultsRow, run: RunRow, reader: Reader, results: bytes, directory: RunDirectory, base: str
) -> tuple[list[str], list[str]]:
    """(paths, notes) of the episodes in some results."""

    def publish(path: str, data: bytes) -> str:
        return directory.publish(path, data, final=True)

    try:
        tree = from_bytes(results)
        kept = Episodes.of(tree["episodes"], tree["episode_lengths"], tree["episode_returns"], tree["seed"])
    except (BadInput, KeyError, TypeError, ValueError) as error:
        return [], [f"episodes: {error}"]
    paths = [publish(base + name, data) for name, data in kept.files(row.steps_per_env, row.global_step)]
    if not row.render or not row.videos or not paths:
        return paths, []
    surroundings = reader.surroundings(row.session, row.writer, row.run_id)
    if surroundings is None:
        return paths, [f"videos: {row.render}: where its program runs is not known"]
    shown = paths[: row.videos]
    order = Order(
        row.render, surroundings, tuple(directory.path / path for path in shown),
        tuple(path.removesuffix(".npz") for path in shown), run.formats, row.fps,
    )  # fmt: skip
    made, notes = make_videos(order, publish)
    return paths + made, notes


def _config(parcel: ParcelReader, size_bytes: int) -> bytes:
    if size_bytes > YAML_MAX_BYTES:
        raise BadInput(f"a configuration of {size_bytes} bytes; at most {YAML_MAX_BYTES}")
    data = b"".join(parcel.take(size_bytes))
    try:
        document = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        raise BadInput("the configuration is no JSON") from None
    if not isinstance(document, dict):
        raise BadInput("the configuration is no mapping")
    return yaml_text.dump(document)


def _metadata(row: ResultsRow) -> bytes:
    try:
        return yaml_text.dump(RunMetadata.of(row.metadata, "results").document())
    except Corrupt as error:
        raise BadInput(str(error)) from None
