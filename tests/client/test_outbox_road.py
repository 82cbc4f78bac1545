"""Outbox and daemon with a bad road between them: nothing is lost, doubled or kept beyond its bounds."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from client.lab import ModelDaemon
from filmlab.link.delivery import Acked, Full, Limits, LostInSpool, SessionLost
from filmlab.link.outbox import Outbox
from filmlab.wire import messages
from filmlab.wire.chunks import Film
from filmlab.wire.frame import Envelope
from filmlab.wire.messages import Stream

SESSION = 7
HELLO = messages.Hello(1, "host")
FILM = Film(run=0, film=1, first=0, count=1, height=2, width=2, channels=3)
SMALL = Limits(memory_bytes=64 * 1024, control_reserve_bytes=32 * 1024, spool_bytes=10**9, control_window_bytes=20_000)


class Delivery(RuleBasedStateMachine):
    """An outbox and a model daemon with a bad road between them: what travels is dropped, doubled and reordered within
    one connection, connections break, the daemon loses what is not durable, and the disk takes only a part.

    Unrealistic: the road never alters a message, and a broken connection loses everything that was on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.limits = SMALL
        self.box = Outbox(SESSION, HELLO, self.limits)
        self.daemon = ModelDaemon(credit_bytes=30_000)
        self.up: list[Envelope] = []
        self.down: list[Envelope] = []
        self.disk: dict[tuple[Stream, int], Envelope] = {}
        self.made: dict[Stream, list[bytes]] = {Stream.C: [], Stream.B: []}
        self.linked = False

    @initialize()
    def begin(self) -> None:
        self.connect()

    def connect(self) -> None:
        self.linked = True
        self.box.connected(self.now)

    def cut(self) -> None:
        self.up.clear()
        self.down.clear()
        self.linked = False
        self.box.disconnected(self.now)

    @rule(size=st.integers(1, 6000))
    def log(self, size: int) -> None:
        content = len(self.made[Stream.C]).to_bytes(4) + bytes(size)
        if self.box.control_room(len(content)):
            assert self.box.push_c([content]) == len(self.made[Stream.C]) + 1
            self.made[Stream.C].append(content)
        else:
            with pytest.raises(Full):
                self.box.push_c([content])

    @rule(size=st.integers(1, 20_000), count=st.integers(1, 4))
    def shoot(self, size: int, count: int) -> None:
        for _ in range(count):
            blob = len(self.made[Stream.B]).to_bytes(4) + bytes(size)
            if self.box.film_room(len(blob)):
                assert self.box.push_b(FILM, [blob]) == len(self.made[Stream.B]) + 1
                self.made[Stream.B].append(len(blob).to_bytes(4, "little") + blob)

    @rule(elapsed=st.sampled_from([0.01, 0.5, 2.0, 16.0]))
    def wait(self, elapsed: float) -> None:
        self.now += elapsed
        self.box.tick(self.now)
        if self.box.wants_reconnect:
            self.cut()
            self.connect()

    @rule(most=st.sampled_from([1, 5000, 10**9]))
    def send(self, most: int) -> None:
        sent = self.box.take(self.now, most)
        self.up += sent if self.linked else []

    @rule(moves=st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=30))
    def travel(self, moves: list[tuple[bool, int, int]]) -> None:
        """Each move: which way, which of the first four, and its fate: 0 doubles it, 1 drops it."""
        self.send(10**9)
        for is_up, at, fate in moves:
            road = self.up if is_up else self.down
            if not road:
                continue
            at = min(at, len(road) - 1)
            envelope = road[at] if fate == 0 else road.pop(at)
            if fate == 1:
                continue
            if is_up:
                self.down += self.daemon.handle(envelope)
            else:
                self.hear(envelope)

    def hear(self, envelope: Envelope) -> None:
        for event in self.box.receive(envelope, self.now):
            assert not isinstance(event, SessionLost | LostInSpool), event
            if isinstance(event, Acked):
                assert event.durable_c <= len(self.daemon.durable[SESSION, Stream.C])
                assert event.durable_b <= len(self.daemon.durable[SESSION, Stream.B])
                durable = {Stream.C: event.durable_c, Stream.B: event.durable_b}
                self.disk = {key: item for key, item in self.disk.items() if key[1] > durable[key[0]]}

    @rule()
    def sync(self) -> None:
        answers = self.daemon.sync()
        self.down += answers if self.linked else []

    @rule(how=st.sampled_from(["cut", "crash", "well"]))
    def trouble(self, how: str) -> None:
        if how != "well":
            self.cut()
            self.connect()
        if how == "crash":
            self.daemon.crash()

    @rule(most=st.integers(0, 5))
    def spill(self, most: int) -> None:
        batch = self.box.spill(self.now)
        for stream, envelope in batch[:most]:
            self.disk[stream, envelope.seq] = envelope
            self.box.spilled(stream, envelope.seq)
        if batch[most:]:
            self.box.spool_failed(self.now)

    @rule(most=st.integers(1, 5))
    def replay(self, most: int) -> None:
        want = self.box.need_from_spool()
        if want is not None:
            found = [self.disk[key] for key in sorted(self.disk) if key[0] is want.stream and key[1] >= want.from_seq]
            assert self.box.replayed(want.stream, found[:most]) == []

    @invariant()
    def holds(self) -> None:
        self.box.check()
        for stream in Stream:
            stored = self.daemon.payloads(SESSION, stream)
            assert stored == self.made[stream][: len(stored)]

    def teardown(self) -> None:
        """Once the road is good again, everything arrives exactly once."""
        self.cut()
        self.connect()
        for _ in range(2000):
            if self.box.all_durable:
                break
            self.now += 0.1
            self.box.tick(self.now)
            self.replay(10**6)
            for envelope in self.box.take(self.now, 10**9):
                self.down += self.daemon.handle(envelope)
            self.down += self.daemon.sync()
            for envelope in self.down:
                self.hear(envelope)
            self.down.clear()
        self.holds()
        assert {stream: self.daemon.payloads(SESSION, stream) for stream in Stream} == self.made


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=120, stateful_step_count=60)


@pytest.mark.parametrize("seed", range(30))
def test_a_bad_road_loses_and_doubles_nothing(seed: int) -> None:
    """The same machine driven for longer by a seeded die, in which every rule comes often."""
    die = random.Random(seed)
    machine = Delivery()
    machine.begin()
    for _ in range(600):
        step = die.random()
        if step < 0.2:
            machine.log(die.randrange(1, 6000))
        elif step < 0.3:
            machine.shoot(die.randrange(1, 20_000), die.randrange(1, 4))
        elif step < 0.8:
            machine.travel([(die.random() < 0.5, die.randrange(4), die.randrange(10)) for _ in range(10)])
        elif step < 0.88:
            machine.sync()
        elif step < 0.92:
            machine.spill(die.randrange(6))
        elif step < 0.975:
            machine.replay(die.randrange(1, 6))
        elif step < 0.99:
            machine.wait(die.choice([0.5, 2.0, 16.0]))
        else:
            machine.trouble(die.choice(["cut", "crash"]))
        machine.holds()
    stored = sum(len(machine.daemon.durable[SESSION, stream]) for stream in Stream)
    assert stored > 20, "the road was so bad that nothing was tried"
    machine.teardown()
