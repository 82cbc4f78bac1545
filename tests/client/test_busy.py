"""What the sender makes of a daemon that takes no film: it goes on with numbers, and it is not dead."""

from filmlab.link.delivery import Event, FilmHeld, Limits, StateChanged
from filmlab.link.outbox import Outbox
from filmlab.wire import messages
from filmlab.wire.chunks import Film
from filmlab.wire.frame import Kind
from filmlab.wire.messages import Stream

SESSION = 7
FILM = Film(run=0, film=1, first=0, count=1, height=2, width=2, channels=3)
MUCH = 10**9


def hear(box: Outbox, message: messages.Message, now: float) -> list[Event]:
    return box.receive(messages.encode(message, SESSION), now)


def online(now: float = 0.0) -> Outbox:
    box = Outbox(SESSION, messages.Hello(1, "host"), Limits())
    box.connected(now)
    box.take(now, MUCH)
    assert hear(box, messages.Welcome(1, 0, 1, 0, 1, 100_000), now) == [StateChanged("online", "")]
    return box


def sent(box: Outbox, now: float) -> list[tuple[Kind, int]]:
    return [(envelope.kind, envelope.seq) for envelope in box.take(now, MUCH)]


def test_busy_stops_film_and_nothing_else() -> None:
    """Numbers go on while the daemon takes no film; why it takes none is told."""
    box = online()
    box.push_b(FILM, [b"f"])
    box.push_c([b"x"])
    assert hear(box, messages.Busy("its disk is full", 5.0), 0.0) == [FilmHeld("its disk is full")]
    assert sent(box, 0.0) == [(Kind.DATA_C, 1)]
    hear(box, messages.Ack(1, 0, 0), 0.1)
    box.push_c([b"y"])
    assert sent(box, 0.2) == [(Kind.DATA_C, 2)]


def test_the_next_credit_ends_it() -> None:
    """An acknowledgement without credit keeps film waiting; one with credit lets it go at once."""
    box = online()
    box.push_b(FILM, [b"f"])
    hear(box, messages.Busy("its disk is full", 60.0), 0.0)
    hear(box, messages.Ack(0, 0, 0), 0.1)
    assert sent(box, 0.2) == []
    hear(box, messages.Ack(0, 0, 100_000), 1.0)
    assert sent(box, 1.0) == [(Kind.DATA_B, 1)]


def test_the_daemon_is_asked_again_after_its_time() -> None:
    """Should the message that there is room be lost, a HELLO asks for it: film is never sent on chance."""
    box = online()
    box.push_b(FILM, [b"f"])
    hear(box, messages.Busy("its disk is full", 5.0), 0.0)
    assert box.next_at() == 5.0
    assert sent(box, 4.9) == []
    assert sent(box, 5.0) == [(Kind.HELLO, 0)]
    hear(box, messages.Welcome(1, 0, 1, 0, 1, 0), 5.1)
    hear(box, messages.Busy("its disk is full", 5.0), 5.1)
    assert sent(box, 9.0) == []
    assert sent(box, 10.1) == [(Kind.HELLO, 0)]
    hear(box, messages.Welcome(1, 0, 1, 0, 1, 100_000), 10.2)
    assert sent(box, 10.2) == [(Kind.DATA_B, 1)]


def test_a_busy_daemon_is_not_dead() -> None:
    """However long it takes no film, as long as it says so it is neither left nor spooled away from."""
    box = online()
    box.push_b(FILM, [b"f"])
    assert sent(box, 0.0) == [(Kind.DATA_B, 1)]
    now = 0.0
    hear(box, messages.Busy("its disk is full", 5.0), now)
    for _ in range(1000):
        now = box.next_at() or now
        box.tick(now)
        assert not box.wants_reconnect and box.state == "online", now
        if (Kind.HELLO, 0) in sent(box, now):
            hear(box, messages.Welcome(1, 0, 1, 0, 1, 0), now)
            hear(box, messages.Busy("its disk is full", 5.0), now)
    assert now > 3600


def test_film_that_was_on_its_way_is_sent_again() -> None:
    """What the daemon did not take counts as never sent, from where it says on."""
    box = online()
    for _ in range(3):
        box.push_b(FILM, [b"f"])
    assert len(sent(box, 0.0)) == 3
    hear(box, messages.Busy("its disk is full", 5.0), 0.1)
    hear(box, messages.Ack(0, 1, 0), 0.2)
    hear(box, messages.Resync(Stream.B, 2), 1.0)
    hear(box, messages.Ack(0, 1, 100_000), 1.0)
    assert sent(box, 1.0) == [(Kind.DATA_B, 2), (Kind.DATA_B, 3)]


def test_a_busy_daemon_that_falls_silent_is_left() -> None:
    """BUSY buys the time that it names, and no more: a daemon that says nothing afterwards is as dead as any."""
    box = online()
    box.push_b(FILM, [b"f"])
    assert sent(box, 0.0) == [(Kind.DATA_B, 1)]
    hear(box, messages.Busy("its disk is full", 5.0), 0.0)
    box.tick(19.9)
    assert not box.wants_reconnect
    box.tick(20.0)
    assert box.wants_reconnect
