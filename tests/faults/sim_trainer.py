"""A simulated trainer: a script of records, the real outbox, and the sender's loop without socket and thread.

Unrealistic: it packs nothing, each act of its script is one record.
"""

import random
import struct
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgpack

from faults.sim_disk import ModelSpool
from filmlab.errors import Transient
from filmlab.link.delivery import Acked, Event, Limits, LostInSpool, Mode, NewBoot, Printed, Refused, Safe, SessionLost
from filmlab.link.outbox import Outbox
from filmlab.link.waiting import SPILL_GRACE_S
from filmlab.wire import messages
from filmlab.wire.chunks import Film
from filmlab.wire.entries import (
    Entry,
    EpisodeBegin,
    EpisodeEnd,
    Flush,
    MetricNames,
    RunBegin,
    RunFinish,
    Snapshot,
    encode_entry,
)  # fmt: skip
from filmlab.wire.frame import Envelope, Kind, seal
from filmlab.wire.messages import Stream

if TYPE_CHECKING:
    from faults.sim_road import Connection
    from faults.simulation import World

SIDE_PX = 8
CLOSE_S = 5.0
LOSS = struct.pack("<I", 0)
LIMITS = Limits(memory_bytes=24_000, control_reserve_bytes=14_000, spool_bytes=60_000, control_window_bytes=2_000)
"""Small, so that a story of a few dozen records reaches every one of them."""
TIGHT = replace(LIMITS, memory_bytes=12_000, spool_bytes=0)
"""Of a trainer that has no spool and too little memory for its films: the rest of a film is dropped."""


@dataclass
class Shot:
    """What was said of one film."""

    begin: EpisodeBegin
    end: EpisodeEnd | None = None
    frames: int = 0
    seqs: list[int] = field(default_factory=list)


class Trainer:
    """One process with one session. `step` is one round of the sender."""

    def __init__(self, world: "World", number: int, rng: random.Random, run_id: str, writer: str) -> None:
        self.world = world
        self.number = number
        self.rng = rng
        self.run_id, self.writer = run_id, writer
        self.session = rng.randrange(1, 2**63)
        self.pid = 1000 + number
        self.mode: Mode = "offline" if rng.random() < 0.06 else "auto"
        self.hello = messages.Hello(pid=self.pid, host="node", started=number + 1)
        self.limits = TIGHT if rng.random() < 0.15 and self.mode == "auto" else LIMITS
        self.box = Outbox(self.session, self.hello, self.limits, self.mode, world.now)
        self.connection: Connection | None = None
        self.alive = True
        self.powered = True
        """No power cut has come since it began: then what is spooled is safe."""
        self.ending = ""
        self.close_at: float | None = None
        self.try_at = world.now
        self.due_at = world.now
        self.acked = (0, 0)
        self.safe = (0, 0)
        self.pushed: dict[Stream, list[Envelope]] = {Stream.C: [], Stream.B: []}
        self.entries: list[list[Entry]] = []
        """Per record of stream C what it says; empty for one that says nothing."""
        self.shots: dict[int, Shot] = {}
        self.refused: list[messages.Error] = []
        self.flushes: dict[int, bool] = {}
        self._open: Shot | None = None
        self._steps = 0
        self._acts = self._script()
        self._act_at = world.now + rng.uniform(0.0, 0.2)
        self._act = next(self._acts)

    # --- the script -------------------------------------------------------------------------------------------------

    def _script(self):  # type: ignore[no-untyped-def]
        rng, schedule = self.rng, self.rng.choice(["always", "always", "last:2", "always & max:2"])
        begin = RunBegin(
            run=0, wall=1.0, run_id=self.run_id, writer=self.writer, project="p", name="n", directory="/x",
            schedule=schedule,
        )  # fmt: skip
        yield [begin, MetricNames(run=0, wall=1.0, names=((0, "loss"),))]
        film = 0
        for episode in range(rng.randint(1, 4)):
            if rng.random() < 0.7:
                film += 1
                provisional = schedule == "last:2"
                yield [EpisodeBegin(run=0, wall=2.0, episode=episode, film=film, reason="x", provisional=provisional)]
                for _ in range(rng.randint(0, 5) if rng.random() < 0.9 else 30):
                    yield "chunk"
                    if rng.random() < 0.5:
                        yield self._snapshot()
                yield "end"
            else:
                yield [self._snapshot(), EpisodeEnd(run=0, wall=3.0, episode=episode, return_=1.0, length=3)]
            for _ in range(rng.randint(0, 4)):
                yield self._snapshot()
            luck = rng.random()
            if luck < 0.2:
                yield "flush"
                if luck < 0.1:
                    yield "await"
            elif luck < 0.25:
                yield "bad C"
            elif luck < 0.30:
                yield "bad B"
        if rng.random() < 0.85:
            yield [RunFinish(run=0, wall=4.0, status="finished")]

    def _snapshot(self) -> Snapshot:
        self._steps += 1
        return Snapshot(run=0, wall=2.0, step=self._steps, ids=LOSS, values=struct.pack("<d", self.value(self._steps)))

    def value(self, step: int) -> float:
        """What this trainer logs at a step: nobody else's number."""
        return self.number * 1_000_000.0 + step

    def _do(self, act: object) -> bool:
        """One act of the script; False where there was no room for it."""
        if isinstance(act, list | Snapshot):
            entries = act if isinstance(act, list) else [act]
            return self._push_c(entries)
        match act:
            case "chunk":
                return self._push_chunk()
            case "end":
                shot = self._open
                assert shot is not None
                end = EpisodeEnd(
                    run=0, wall=3.0, episode=shot.begin.episode, film=shot.begin.film, return_=1.0, length=9,
                    frames=shot.frames, last_seq=shot.seqs[-1] if shot.seqs else 0,
                )  # fmt: skip
                if self._push_c([end]):
                    shot.end, self._open = end, None
                    return True
                return False
            case "await":
                unheard = self.mode == "offline" or any(error.code == "run-taken" for error in self.refused)
                return unheard or all(self.flushes.values())
            case "flush":
                return self._push_flush(self.rng.randrange(1, 2**64))
            case "bad C":
                return self._push_c([], b"\xffno entries")
            case "bad B":
                return self._push_nonsense()
        raise AssertionError(act)

    def _push_c(self, entries: list[Entry], raw: bytes = b"") -> bool:
        encoded = [encode_entry(entry) for entry in entries] or [raw]
        if not self.box.control_room(sum(map(len, encoded))):
            return False
        self.box.push_c(encoded, waiting=self.rng.random() < 0.2)
        self._note(Stream.C)
        self.entries.append(entries)
        for entry in entries:
            if isinstance(entry, EpisodeBegin):
                self._open = self.shots[entry.film] = Shot(entry)
        return True

    def _push_chunk(self) -> bool:
        shot, count = self._open, self.rng.randint(1, 3)
        assert shot is not None
        blobs = [self.rng.randbytes(SIDE_PX * SIDE_PX) for _ in range(count)]
        if not self.box.film_room(sum(map(len, blobs))):
            # As the packer does: the rest of this film is dropped.
            self.world.tell(self, "no room for film")
            return True
        film = Film(
            run=0, film=shot.begin.film, first=shot.frames, count=count, height=SIDE_PX, width=SIDE_PX, channels=1,
            episode=shot.begin.episode, codec=0,
        )  # fmt: skip
        shot.seqs.append(self.box.push_b(film, blobs))
        shot.frames += count
        self._note(Stream.B)
        return True

    def _push_nonsense(self) -> bool:
        """A record that is framed well and says nothing: what stands in the place of one that the spool lost."""
        if not self.box.film_room(64):
            return False
        self.box._b.push(seal(Kind.DATA_B, self.session, self.box.last_b + 1, msgpack.packb({})))
        self._note(Stream.B)
        return True

    def _push_flush(self, token: int) -> bool:
        if self._push_c([Flush(run=0, wall=3.0, token=token)]):
            self.flushes[token] = False
            return True
        return False

    def _note(self, stream: Stream) -> None:
        outgoing = self.box._of(stream)
        self.pushed[stream].append(outgoing._memory[outgoing.last])

    # --- the sender's loop ------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One round, as `sender.Sender` does it; sets `due_at`."""
        now = self.world.now
        moved = self._drain(now)
        self.box.await_answer(not all(self.flushes.values()), now)
        self._handle(self.box.tick(now))
        self._connect(now)
        if self.connection is not None and self.connection.up:
            for envelope in self.box.take(now, 3_000):
                self.world.send_up(self.connection, envelope)
        more = self._move_spool(now)
        self.box.check()
        if self.ending and self._may_end(now, moved):
            self._leave()
            return
        self.box.spill_all = self.close_at is not None and now >= self.close_at
        self.due_at = now if more else self._next_at(now)

    def _drain(self, now: float) -> bool:
        moved = False
        while not self.ending and self._act_at <= now:
            if not self._do(self._act):
                self._act_at = now + 0.1
                return moved
            moved = True
            gap = self.rng.expovariate(40.0) if self.rng.random() < 0.95 else self.rng.uniform(0.5, 3.0)
            self._act_at = now + gap
            try:
                self._act = next(self._acts)
            except StopIteration:
                self.close(CLOSE_S)
        return moved

    def close(self, timeout_s: float) -> None:
        self.ending = "close"
        self.close_at = self.world.now + timeout_s

    def receive(self, envelope: Envelope) -> None:
        self._handle(self.box.receive(envelope, self.world.now))
        self.due_at = self.world.now

    def connected(self) -> None:
        self._handle(self.box.connected(self.world.now))
        self.due_at = self.world.now

    def cut(self) -> None:
        """The socket lost its peer."""
        self.connection = None
        self._handle(self.box.disconnected(self.world.now))
        self.try_at = self.world.now + self.rng.uniform(0.0, 0.04)
        self.due_at = self.world.now

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Acked():
                    assert event.durable_c >= self.acked[0] and event.durable_b >= self.acked[1], (event, self.acked)
                    self.acked = (event.durable_c, event.durable_b)
                    spool = self._spool
                    if spool is not None:
                        spool.drop(*self.acked)
                        if spool.empty:
                            self.world.disk.drop_spool(self.session)
                case Safe():
                    self.safe = (event.safe_c, event.safe_b)
                case Printed():
                    if event.print.what == "flush" and event.print.token in self.flushes:
                        self.flushes[event.print.token] = True
                case NewBoot():
                    for token in [token for token, answered in self.flushes.items() if not answered]:
                        self._push_c([Flush(run=0, wall=3.0, token=token)])
                case Refused():
                    self.refused.append(event.error)
                case SessionLost() | LostInSpool():
                    raise AssertionError(f"trainer {self.number}: {event}")

    @property
    def _spool(self) -> ModelSpool | None:
        return self.world.disk.spools.get(self.session)

    def _connect(self, now: float) -> None:
        if self.box.wants_reconnect:
            if self.connection is not None:
                self.world.hang_up(self.connection)
            self.cut()
        if self.mode == "offline" or self.connection is not None or now < self.try_at:
            return
        self.connection = self.world.connect(self)
        if self.connection is None:
            self.box.why_not("nobody there")
            self.try_at = now + self.rng.uniform(0.02, 1.0)

    def _move_spool(self, now: float) -> bool:
        want = self.box.need_from_spool()
        if want is not None:
            spool = self._spool
            self._handle(self.box.replayed(want.stream, spool.read(want.stream, want.from_seq) if spool else []))
        batch = self.box.spill(now)
        for stream, envelope in batch:
            spool = self.world.disk.spools.setdefault(self.session, ModelSpool(self.limits.spool_bytes))
            try:
                if self.world.disk_full_until > now:
                    raise Transient("the disk is full")
                spool.append(stream, envelope)
            except Transient:
                self.box.spool_failed(now)
                if spool.empty:
                    self.world.disk.drop_spool(self.session)
                return False
            self._handle(self.box.spilled(stream, envelope.seq))
        return want is not None or bool(batch)

    def _may_end(self, now: float, moved: bool) -> bool:
        assert self.close_at is not None
        if moved:
            return now >= self.close_at + SPILL_GRACE_S
        if self.box.all_durable or (self.box.all_safe and (self.box.state == "spooling" or now >= self.close_at)):
            return True
        nowhere = not self.limits.spool_bytes and now >= self.close_at
        return nowhere or now >= self.close_at + SPILL_GRACE_S

    def _next_at(self, now: float) -> float:
        instants = [self.box.next_at(), None if self.ending else self._act_at]
        if self.connection is None and self.mode != "offline":
            instants.append(self.try_at)
        if self.close_at is not None:
            instants.append(now + 0.2 if now < self.close_at else now + 0.02)
        return max(
            now + 0.001,
            min(instant for instant in instants if instant is not None)
            if any(instant is not None for instant in instants)
            else now + 60.0,
        )

    def _leave(self) -> None:
        if self.box.state == "online" and self.connection is not None and self.connection.up:
            self.world.send_up(self.connection, messages.encode(messages.Bye(), self.session))
        self.ending = "durable" if self.box.all_durable else "safe" if self.box.all_safe else "lost"
        self.world.process_gone(self)
