"""`filmlab show` as a process of its own, asked without a browser; and many runs when asked for."""

import http.client
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from e2e.house import House
from filmlab.wire import chunks
from filmlabd import facts
from filmlabd.index.writer import Index
from filmlabd.journal.films import FilmStore
from patience import PATIENCE_S
from service.keeping import Story, begin_episode, blob, end_episode, film_meta


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """`filmlab show` of a house. It ends with the house."""

    def __init__(self, house: House) -> None:
        self.house = house
        process = house._start([sys.executable, "-m", "filmlabd.cli", "show", "--json"], {})
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("{"), said + process.stdout.read()
        found = json.loads(said)
        self.process = process
        self.port: int = found["port"]
        self.url: str = found["url"]
        self.token = self.url.partition("#")[2]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.cookie = f"filmlab_{self.port}={self.token}"

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str | None) -> Reply:
        """One request as it is: nothing is tidied. With the token, unless `cookie=None`."""
        sent: dict[str, str | None] = {"host": f"127.0.0.1:{self.port}", "cookie": self.cookie}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            if body is not None and "content-length" not in sent:
                sent["content-length"] = str(len(body))
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, path: str, document: Any, **headers: str | None) -> Reply:
        """What the page's own scripts send."""
        fields = {"origin": self.origin, "content_type": "application/json", "sec_fetch_site": "same-origin"}
        return self.ask(path, "POST", json.dumps(document).encode(), **(fields | headers))


def write_runs(house: House, count: int, *, name: str = "run {}") -> None:
    """So many finished runs with a clip each, written as a daemon would have left them."""
    house.paths.make()
    films, index, at = FilmStore(house.paths.film), Index(house.paths.index), 0
    rng = np.random.default_rng(count)
    for number in range(count):
        story = Story(session=1000 + number, wall=1_760_000_000.0 + number * 60)
        run_id, directory = f"run{number:05d}", house.root / "films" / f"run{number:05d}"
        title, kind = name.format(number), ("ppo", "sac", "dqn")[number % 3]
        story.open(run_id=run_id, name=title, project=("cartpole", "lander")[number % 2], group=kind,
                   tags=("baseline",) if number % 7 == 0 else (), directory=str(directory))  # fmt: skip
        for episode in range(40):
            story.say(end_episode(episode, float(episode + rng.normal() * 4), episode + 5, wall=story.wall + episode))
        frame = np.full((40, 60, 3), rng.integers(40, 220, 3), np.uint8)
        story.say(begin_episode(1, 40))
        films.append(story.session, 1, [chunks.seal_chunk(story.session, 1, film_meta(frame, 0), [blob(frame)])])
        story.say(end_episode(40, 44.0, 9, film=1, last_seq=1, frames=1, wall=story.wall + 40))
        picture = directory / "episodes" / "episode_000040.gif"
        picture.parent.mkdir(parents=True)
        _gif(picture, frame)
        key = f"episode:{story.session:016x}:1"
        done = facts.JobDone(key, run_id, "episode", story.session, 1, "episodes/episode_000040.gif", "", 0.1, 9.0)
        story.fact(done)
        status = "crashed" if number % 11 == 10 else "finished"
        story.closed(status, run_id=run_id)
        story.fact(facts.RunPrinted(run_id, story.wall + 50))
        story.fact(facts.SessionEnded(story.session, "bye", story.wall + 50))
        for envelope in story.told:
            index.apply(at, envelope)
            at += envelope.size_bytes
    index.commit()
    index.close()
    films.close()


def _gif(path: Path, frame: Any) -> None:
    Image.fromarray(frame).save(path, "GIF")
