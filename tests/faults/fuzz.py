"""A daemon's core that anybody may say anything to: `python tests/faults/fuzz.py SEED COUNT`.

Each message goes through the wire's decoders and through a core with its lab and a real index in memory, whose disk
always works and whose workers do whatever they are asked for. Whatever is raised but WireError is a find; the message
that raised it is printed. One in eight is bent by `wire.fuzzing`, which knows what is in it, and must come out the same
when it is said again; the others are one of those with a few more bytes changed, which costs little.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator

from faults.sim_disk import MemoryIndex, ModelJournal, empty_database
from filmlab.errors import WireError
from filmlab.wire import messages
from filmlab.wire.entries import seal_entries
from filmlab.wire.frame import Envelope, Kind, open_parts, seal
from filmlab.wire.messages import Stream
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.lab import Lab
from filmlabd.model import Outcome
from wire.fuzzing import Parts, bent, consume, contents
from wire.samples import ENTRIES, encode_entry, records

LIFE = 4000
"""So many messages are said to one core."""
BREATH = 100
"""After so many messages it gets time: to sync, to index, to render."""
VARIATIONS = 7
"""With each bent message."""
PEER = b"fuzzer"
STREAMS = {Kind.DATA_C: Stream.C, Kind.DATA_B: Stream.B}
UNTOLD = frozenset({Kind.BYE, Kind.FACT})
"""Kinds that would end the session, or are for the journal alone: seldom is often enough."""


class Listener:
    """One life of a core whose surroundings always work."""

    def __init__(self) -> None:
        self.core = Core(7, Limits(), Lab())
        self.index = MemoryIndex(empty_database())
        self.journal = ModelJournal()
        self.now = 100.0
        self.session = 0
        self.taken = 0
        """How many records were found good."""
        self._unindexed: list[tuple[int, Envelope]] = []
        self.happen(events.WorkersFree(2))
        self.breathe()

    def next_seq(self, kind: Kind) -> int:
        session = self.core.sessions.get(self.session)
        return session.streams[STREAMS[kind]].next_seq if session is not None and kind in STREAMS else 1

    def hear(self, envelope: Envelope) -> None:
        self.happen(events.Received(PEER, 4242, envelope))

    def happen(self, event: events.Event) -> None:
        todo = [event]
        while todo:
            for command in self.core.handle(todo.pop(0), events.Now(self.now, 1e9 + self.now)):
                todo += self._carry_out(command)

    def breathe(self) -> None:
        """Half a second passes."""
        until = self.now + 0.5
        while (at := self.core.next_at()) is not None and at <= until:
            self.now = max(self.now, at)
            self.happen(events.Woken())
        self.now = until
        self.core.check()
        if self.session not in self.core.sessions:
            self._join()

    def end(self) -> None:
        """The trainer dies: what is left of it is dealt with."""
        self.happen(events.TrainerDied(self.session))
        self.breathe()
        self.index.close()

    def _join(self) -> None:
        """A session of its own, with a run: what it says next belongs somewhere."""
        self.session += 1
        self.hear(messages.encode(messages.Hello(pid=4242, host="node"), self.session))
        self.hear(seal_entries(self.session, 1, [encode_entry(entry) for entry in ENTRIES[:2]]))

    def _carry_out(self, command: events.Command) -> list[events.Event]:
        match command:
            case events.AppendFilm():
                self.taken += 1
            case events.Append():
                self.taken += command.envelope.kind is Kind.DATA_C
                self._unindexed += zip(self.journal.append([command.envelope]), [command.envelope], strict=True)
            case events.Sync():
                for position, envelope in self._unindexed:
                    self.index.apply(position, envelope)
                for session, seq in command.films:
                    self.index.film_durable(session, seq)
                self._unindexed.clear()
                self.journal.records.clear()
                self.index.commit()
                return [events.Synced(command.batch), events.Indexed(command.batch)]
            case events.StartJob():
                return [events.JobFinished(Outcome(command.job.key, True, 0.01)), events.WorkersFree(2)]
            case events.ReadSpool():
                return [events.SpoolRead(command.session, (), True)]
        return []


def varied(rng: random.Random, count: int) -> Iterator[tuple[Parts, bool]]:
    """So many messages: bent ones (True), and for each some more, of one that was bent and valid, by a few bytes."""
    latest = [[bytes(part) for part in record.parts] for record in records()]
    for parts in bent(rng.getrandbits(60), -(-count // (VARIATIONS + 1))):
        yield parts, True
        if valid(parts):
            latest[rng.randrange(len(latest))] = parts
        header, *bodies = rng.choice(latest)
        for _ in range(VARIATIONS):
            varying = [bytearray(body) for body in bodies]
            _disturb(rng, varying[-1] if rng.random() < 0.8 else varying[0])
            yield [bytes(part) for part in seal(Kind(header[5]), 1, 1, *map(bytes, varying)).parts], False


def valid(parts: Parts) -> bool:
    """Whether it means something."""
    try:
        contents(open_parts(parts))
    except WireError:
        return False
    return True


def _disturb(rng: random.Random, data: bytearray) -> None:
    luck = rng.random()
    at = int(luck * 7919 % 1 * len(data))
    if not data or luck < 0.1:
        data += b"\x00\xff\x80\x7f"[: 1 + at % 4]
    elif luck < 0.6:
        data[at] ^= 1 << int(luck * 1e6) % 8
    elif luck < 0.8:
        data[at] = rng.choice(b"\x00\x01\x7f\x80\xff")
    elif luck < 0.9:
        del data[at:]
    else:
        del data[at : at + 1 + int(luck * 1e6) % 9]


def fuzz(seed: int, count: int) -> Counter[str]:
    """Say so many messages; what became of them. Raises AssertionError with the message that was one too many."""
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    listener = Listener()
    for number, (parts, fresh) in enumerate(varied(rng, count), 1):
        if number > count:
            break
        try:
            seen[consume(parts) if fresh else "varied"] += 1
            _say(listener, rng, parts)
            if not number % BREATH:
                listener.breathe()
            if not number % LIFE:
                seen["taken by the core"] += listener.taken
                listener.end()
                listener = Listener()
        except Exception as error:  # whatever it is, it is a find: say by what
            told = [part.hex() for part in parts]
            raise AssertionError(f"seed {seed}, message {number}: {type(error).__name__}: {error}: {told}") from error
    listener.end()
    return seen


def _say(listener: Listener, rng: random.Random, parts: Parts) -> None:
    """To the core, as its next record: else it would be one out of turn, and nobody would look into it."""
    try:
        envelope = open_parts(parts)
        if envelope.kind not in STREAMS:
            contents(envelope)
    except WireError as error:
        listener.happen(events.Garbage(PEER, str(error)))
        return
    kind = envelope.kind
    if kind in UNTOLD and rng.random() < 0.98:
        return
    seq = listener.next_seq(kind) if rng.random() < 0.95 else rng.getrandbits(63)
    # Not sealed anew: nobody sums a record's bytes behind `open_parts`.
    listener.hear(
        Envelope(kind, envelope.flags, listener.session, seq, envelope.header, envelope.meta, envelope.payload)
    )


def main() -> int:
    seed, count = map(int, sys.argv[1:])
    begun_at = time.process_time()
    seen = fuzz(seed, count)
    taken_s = time.process_time() - begun_at
    print(f"{count} fuzzed messages tried / 0 bad (seed {seed}), {count / taken_s / 1000:.0f} k/s: {dict(seen)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
