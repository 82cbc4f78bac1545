"""The reserve for a full disk."""

from pathlib import Path

from filmlabd.journal.ballast import Ballast


def test_it_takes_its_room_at_once(tmp_path: Path) -> None:
    """A file without blocks behind it would be no reserve."""
    Ballast(tmp_path / "ballast", 2**20).make(2**30)
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 2**20


def test_it_is_given_up_once_and_made_again(tmp_path: Path) -> None:
    """Giving up what is gone already gives nobody room, and says so."""
    ballast = Ballast(tmp_path / "ballast", 2**20)
    ballast.make(2**30)
    assert ballast.release()
    assert not ballast.release()
    ballast.make(2**30)
    assert (tmp_path / "ballast").exists()


def test_it_is_not_made_of_the_last_room(tmp_path: Path) -> None:
    """A disk that has no room for it twice keeps what it has."""
    Ballast(tmp_path / "ballast", 2**20).make(2**21 - 1)
    assert not (tmp_path / "ballast").exists()


def test_a_disk_that_cannot_give_it_is_no_trouble(tmp_path: Path) -> None:
    """Neither a file that cannot be made nor one that cannot be filled stays, or raises."""
    Ballast(tmp_path / "no such directory" / "ballast").make(2**40)
    Ballast(tmp_path / "huge", 2**62).make(2**63)
    assert not list(tmp_path.iterdir())
