"""Somebody asks a living run for more: `filmlab record`, as the trainer, the files and the other commands show it."""

import json
import signal
from collections.abc import Callable
from typing import TypeAlias

import pytest

from e2e.house import House, until
from e2e.told import Told
from filmlabd.cli.main import main

Command: TypeAlias = Callable[..., str]

PLAY = """
    def play(run):
        with run.episode() as episode:
            episode.step(0, 1.0, np.full((8, 8, 3), episode.index % 250, np.uint8))
"""


def begin(house: House, **options: str) -> Told:
    """The run `asked`, which captures hardly anything by itself."""
    return Told(house, {"project": "play", "name": "asked", "id": "asked", "schedule": "every:100"} | options, PLAY)


def captured(house: House, run_id: str = "asked") -> list[tuple[int, str]]:
    """(episode, why) of every film, in the order they began."""
    with house.read() as index:
        return [(row.episode, row.reason) for row in index.episodes(run_id, filmed=True)]


@pytest.fixture
def filmlab(house: House, capsys: pytest.CaptureFixture[str]) -> Command:
    """The `filmlab` command in this process, which is a second quicker: its output, or what it complains of."""

    def run(*arguments: str, status: int = 0) -> str:
        found = main([*arguments, "--state-dir", str(house.paths.state)])
        shown = capsys.readouterr()
        assert found == status, (arguments, found, shown)
        assert not (shown.out if status else shown.err), (arguments, shown)
        return shown.out or shown.err

    return run


def test_the_next_episodes_and_some_by_number(house: House, filmlab: Command) -> None:
    """What was asked for is captured from the next episode on, once, and everything that tells why says so."""
    trainer = begin(house)
    trainer.play(3)
    said = house.command("record", "asked", "--next", "2")
    name = said.split("asked for by ")[1].split(":")[0]
    assert "in force (plan 2): every:100" in said
    assert "the next 2 episodes" in said
    assert "after episode 2, the last that is known of:\n" in said
    assert f"  3  asked for by {name}\n  4  asked for by {name}\n  100  every 100" in said
    trainer.play(4)
    filmlab("record", "asked", "--episode", "9,11-12")
    trainer.play(8)
    assert "asked for" not in filmlab("record", "asked")
    trainer.finish()
    house.wait_printed()
    reason = f"asked for by {name}"
    assert captured(house) == [(0, "every 100"), *((episode, reason) for episode in (3, 4, 9, 11, 12))]
    document = house.json("episodes/episode_000011.json")
    assert (list(document)[-1], document["kept_because"]) == ("kept_because", reason)
    assert filmlab("ls", "asked").count(reason) == 5
    assert (house.run_dir() / "index.html").read_text().count(reason) >= 5
    assert filmlab("why", "asked", "11").splitlines()[1:2] == [f"kept: {reason}"]
    assert filmlab("why", "asked", "10").splitlines()[1:] == ["not captured: not in every 100"]
    assert "there was no episode 500: the last that is known of is 14" in filmlab("why", "asked", "500")


def test_another_schedule(house: House, filmlab: Command) -> None:
    """A new schedule holds from the next episode on; the last episode is known when the run ends."""
    trainer = begin(house)
    trainer.play(2)
    said = filmlab("record", "asked", "--schedule", "every:3+last:1")
    assert "in force (plan 2): every:3+last:1" in said
    assert "  3  every 3\n  6  every 3" in said
    assert "the last 1, which is known when the run ends" in said
    trainer.play(6)
    assert "undecided: maybe among the last 1" in filmlab("why", "asked", "7")
    until(lambda: "thrown away: not among the last" in filmlab("why", "asked", "5"), "the ring to drop it")
    assert "the plan in force captures it: every 3" in filmlab("why", "asked", "30")
    trainer.finish()
    house.wait_printed()
    shown = json.loads(filmlab("ls", "asked", "--json"))
    kept = [(item["episode"], item["why"]) for item in shown["list"] if item["kept"]]
    assert kept == [(0, "every 100"), (3, "every 3"), (6, "every 3"), (7, "last 1")]
    assert house.json("episodes/episode_000007.json")["kept_because"] == "last 1"


def test_a_killed_daemon_forgets_no_request_and_repeats_none(house: House, filmlab: Command) -> None:
    """The next daemon has the same plan in force; what was recorded while there was none counts."""
    daemon = house.daemon()
    trainer = begin(house, mode="online")
    filmlab("record", "asked", "--next", "4", "--episode", "20")
    trainer.play(2)
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    assert trainer.process.stdin is not None
    trainer.process.stdin.write("1\n")
    trainer.process.stdin.flush()
    house.daemon()
    trainer._until("played")
    plan = json.loads(filmlab("record", "asked", "--json"))
    assert (plan["version"], plan["next_episodes"], plan["wanted"]) == (2, 1, "20")
    trainer.play(19)
    trainer.finish()
    assert [episode for episode, _ in captured(house)] == [0, 1, 2, 3, 20]


def test_another_writer_does_not_record_it_again(house: House, filmlab: Command) -> None:
    """Two processes of a run share the requests: what one has recorded, the other need not."""
    one = begin(house)
    two = begin(house, writer="eval")
    filmlab("record", "asked", "--next", "3", "--episode", "7")
    one.play(2)
    two.play(2)
    one.play(8)
    two.play(8)
    one.finish()
    two.finish()
    with house.read() as index:
        rows = [(row.writer, row.episode) for row in index.episodes("asked", filmed=True) if "asked" in row.reason]
    assert rows == [("main", 0), ("main", 1), ("eval", 0), ("main", 7)]


def test_what_cannot_be_done_is_said(house: House, filmlab: Command) -> None:
    """No such run, nothing readable, a run that is over, nobody to ask: each with its reason."""
    trainer = begin(house)
    assert "no run is called 'nobody'" in filmlab("record", "nobody", "--next", "1", status=2)
    shown = filmlab("record", "asked", "--schedule", "every:100+banana", status=2)
    assert "\n  every:100+banana\n            ^^^^^^\n" in shown
    assert "ends before it begins" in filmlab("record", "asked", "--episode", "9-3", status=2)
    assert "names no episode" in filmlab("record", "asked", "--episode", " ", status=2)
    trainer.play(3)
    assert "note: 1-2 began before this" in filmlab("record", "asked", "--episode", "1-2")
    trainer.finish()
    house.wait_printed()
    assert "run asked is over (finished)" in filmlab("record", "asked", "--next", "1", status=2)


def test_without_a_daemon_nothing_can_be_changed(house: House, filmlab: Command) -> None:
    """A run that nobody looks after cannot be asked for anything; that is trouble, not misuse."""
    daemon = house.daemon()
    trainer = begin(house, mode="online")
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    until(lambda: house.daemon_pid() == 0, "the daemon to be gone")
    assert "no daemon is running" in filmlab("record", "asked", "--next", "1", status=1)
    trainer.process.kill()
