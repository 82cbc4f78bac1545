"""What is made of a job? Its run is looked up, its directory opened, and the right maker asked."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from filmlab.errors import BadInput, Transient
from filmlabd.artifacts import Made, RunDirectory
from filmlabd.develop.curve import make_curve
from filmlabd.develop.film import make_episode, make_medium
from filmlabd.develop.page import make_page
from filmlabd.develop.recorder import make_recorder
from filmlabd.develop.results import make_results
from filmlabd.develop.tracks import Tracks
from filmlabd.index.read import Reader
from filmlabd.model import Job, JobKind


@dataclass(frozen=True, slots=True)
class Room:
    """Where a worker reads, the index's file and the directory of all films; and what it keeps between its jobs."""

    index: Path
    film: Path
    tracks: Tracks = field(default_factory=Tracks)


def develop(job: Job, room: Room) -> Made:
    """Make the prints of one job: (their paths in the run's directory, notes).

    Raises:
        BadInput: no retry will help: there is no such run or film, or its directory cannot be written by us.
        Transient: another try may: the disk is full, or the index is busy.
    """
    try:
        with Reader(room.index) as reader:
            run = reader.run(job.run_id)
            if run.run_id != job.run_id:
                # A person may name a run by the beginning of its id; a job that does so is of a run that is gone.
                raise BadInput(f"no run is called {job.run_id!r}")
            with RunDirectory(Path(run.directory), run.umask) as directory:
                match job.kind:
                    case JobKind.EPISODE:
                        return make_episode(job, run, reader, room.film, directory)
                    case JobKind.MEDIA:
                        return make_medium(job, run, reader, room.film, directory)
                    case JobKind.CURVE:
                        return make_curve(job, reader, directory, room.tracks)
                    case JobKind.PAGE:
                        return make_page(job, run, reader, directory)
                    case JobKind.RESULTS:
                        return make_results(job, run, reader, room.film, directory)
                    case JobKind.RECORDER:
                        return make_recorder(job, reader, run.umask)
    except sqlite3.OperationalError as error:
        raise Transient(f"the index does not answer: {error}") from error
