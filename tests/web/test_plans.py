"""What the page may ask to change of a plan, before the daemon is asked."""

from typing import Any

import pytest

from filmlab.errors import BadInput
from filmlabd.web.plans import parse_changes


def test_changes() -> None:
    """The next few, some by number, another schedule in its usual spelling, and forgetting."""
    assert parse_changes({"next": 3, "cancel": True}) == {"next": 3, "cancel": True}
    assert parse_changes({"wanted": "12,40-45"}) == {"wanted": "12,40-45"}
    assert parse_changes({"schedule": " every:100 + last:1"}) == {"schedule": "every:100+last:1"}
    assert parse_changes({"next": 0, "more": 1}) == {"next": 0}


@pytest.mark.parametrize(
    "wrong",
    [{}, {"next": -1}, {"next": 1.0}, {"next": True}, {"next": 10**9}, {"wanted": ""}, {"wanted": "b"}, {"wanted": 3},
     {"schedule": ""}, {"schedule": "x" * 3000}, {"schedule": "every:0"}, {"schedule": None}, {"cancel": "yes"}],
)  # fmt: skip
def test_nonsense(wrong: dict[str, Any]) -> None:
    """It is refused with a reason."""
    with pytest.raises(BadInput):
        parse_changes(wrong)
