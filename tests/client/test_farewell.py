"""The last word of a session: when it is said, and when it was heard."""

from filmlab.link.farewell import PATIENCE_S, Farewell
from filmlab.wire import messages
from filmlab.wire.frame import Kind

SESSION = 7
HEARD = messages.encode(messages.Bye(), SESSION)


def kinds(farewell: Farewell) -> list[Kind]:
    return [envelope.kind for envelope in farewell.take()]


def test_it_is_said_once_on_each_connection() -> None:
    """The connection may have broken with it: nobody knows whether it arrived."""
    farewell = Farewell(SESSION, 1.0, linked=True)
    assert kinds(farewell) == [Kind.BYE]
    assert kinds(farewell) == []
    farewell.connected()
    assert kinds(farewell) == [Kind.BYE]


def test_without_a_connection_it_waits_for_one() -> None:
    """A process that leaves while its connection is being made says it all the same."""
    farewell = Farewell(SESSION, 1.0, linked=False)
    assert kinds(farewell) == []
    farewell.connected()
    assert kinds(farewell) == [Kind.BYE]


def test_it_is_over_once_it_was_heard() -> None:
    """Acknowledgements that come before the answer, and answers to others, are none."""
    farewell = Farewell(SESSION, 1.0, linked=True)
    farewell.receive(messages.encode(messages.Ack(1, 0, 0), SESSION))
    farewell.receive(messages.encode(messages.Bye(), SESSION + 1))
    assert not farewell.is_over(1.0)
    farewell.receive(HEARD)
    assert farewell.is_over(1.0)


def test_a_daemon_that_hangs_is_not_waited_for() -> None:
    """The end of a training is held up for a moment at most."""
    farewell = Farewell(SESSION, 1.0, linked=True)
    assert not farewell.is_over(1.0 + PATIENCE_S / 2)
    assert farewell.is_over(1.0 + PATIENCE_S)
