"""The name that stands beside what somebody asked for."""

import os
import pwd

import pytest

from filmlabd.asker import asker, login


def test_a_user_is_called_by_the_name_of_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """People find each other by the names that they log in with."""
    monkeypatch.setenv("LOGNAME", "ada")
    assert (login(), asker()) == ("ada", "ada")


def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the number may have no name: who asks is told apart all the same."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)

    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert (login(), asker()) == ("", f"user {os.getuid()}")
