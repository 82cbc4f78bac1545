"""A deterministic world of trainers, one daemon, a bad network and a bad disk: one seed tells one story.

`python tests/faults/simulation.py FIRST COUNT` tells COUNT stories from the seed FIRST on; with `--story` each is
printed. Python's hash seed is part of a story: it is 0 here, whoever starts this.
"""

import heapq
import os
import random
import sys
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

if __name__ == "__main__" and os.environ.get("PYTHONHASHSEED") != "0":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONHASHSEED": "0"})
sys.path[:0] = [str(Path(__file__).parents[1])]

from faults.sim_daemon import DaemonLife, outcome_of  # noqa: E402  # the path comes first
from faults.sim_disk import ModelDisk  # noqa: E402
from faults.sim_oracle import check_end  # noqa: E402
from faults.sim_road import FAULTS, Connection, Road  # noqa: E402
from faults.sim_trainer import Trainer  # noqa: E402
from filmlab.wire.frame import Envelope  # noqa: E402
from filmlabd.core import events  # noqa: E402
from filmlabd.model import Job, Outcome  # noqa: E402

STORY_S = 12.0
"""How long faults go on."""
HEAL_S = 400.0
"""By then everything must have come to its end."""
STEPS_MOST = 60_000
EVENTS_TOLD = 80


class World:
    """Everything that happens, in the order of a virtual clock."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 100.0
        self.wall_shift = 0.0
        self.steps = 0
        self.story: deque[tuple[float, str, str]] = deque(maxlen=EVENTS_TOLD)
        self.disk = ModelDisk()
        self.disk_s = self.rng.choice([0.0005, 0.002, 0.02])
        self.disk_full_until = 0.0
        self.road = self.rng.choice([Road(), Road(), Road(0.03, 0.03, 0.03, 0.01), Road(0.15, 0.1, 0.1, 0.02)])
        self.net_down_until = 0.0
        self.frozen_until = 0.0
        self.healed = False
        self.daemon: DaemonLife | None = None
        self.prints: dict[str, int] = {}
        self.poison: set[str] = set()
        self.faults: dict[str, int] = {}
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._connections: dict[bytes, Connection] = {}
        self.trainers: list[Trainer] = []
        self._set_out()

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def wall(self) -> float:
        """Unix time, which jumps."""
        return 1_700_000_000.0 + self.now + self.wall_shift

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._heap, (self.now + delay_s, self._number, action))

    def daemon_later(self, life: DaemonLife, delay_s: float, action: Callable[[], None]) -> None:
        """For as long as this daemon lives; not while it is stopped."""

        def act() -> None:
            if self.daemon is not life:
                return
            if self.frozen_until > self.now:
                self.later(self.frozen_until - self.now, act)
            else:
                action()

        self.later(delay_s, act)

    def tell(self, who: object, what: str) -> None:
        name = f"trainer {who.number}" if isinstance(who, Trainer) else "daemon" if isinstance(who, DaemonLife) else who
        self.story.append((self.now, str(name), what))

    def run(self) -> None:
        """The whole story: faults, then peace, then the reckoning."""
        while self._heap and self.now < 100.0 + STORY_S:
            self._next()
        self._heal()
        while self._why_not_over():
            assert self._heap and self.now < 100.0 + STORY_S + HEAL_S, f"no end: {self._why_not_over()}"
            self._next()
        assert self.daemon is not None
        check_end(self)
        if self.rng.random() < 0.3:
            self._once_more()

    def _next(self) -> None:
        self.steps += 1
        assert self.steps < STEPS_MOST, f"a livelock: {self._why_not_over()}"
        at, _, action = heapq.heappop(self._heap)
        self.now = max(self.now, at)
        action()

    # --- people -----------------------------------------------------------------------------------------------------

    def _set_out(self) -> None:
        rng = self.rng
        for number in range(rng.randint(1, 3)):
            run_id = rng.choice(["solo", "shared"])
            writer = "main" if rng.random() < 0.5 else f"w{number}"
            self.later(rng.choice([0.0, 0.0, 1.0, 4.0]), lambda a=number, b=run_id, c=writer: self._enter(a, b, c))
        self.later(rng.uniform(0.0, 1.0), self._start_daemon)
        for _ in range(rng.randint(0, 5)):
            fault = rng.choice(FAULTS)
            self.later(rng.uniform(0.1, STORY_S - 1.0), lambda act=fault: self._strike(act))

    def _enter(self, number: int, run_id: str, writer: str) -> None:
        # A writer of a run that is alive may not be taken; the daemon refuses it, and so do we see it refused.
        trainer = Trainer(self, number, random.Random(self.rng.getrandbits(60)), run_id, writer)
        self.trainers.append(trainer)
        self._drive(trainer)

    def _drive(self, trainer: Trainer) -> None:
        if not trainer.alive:
            return
        if trainer.due_at <= self.now:
            trainer.step()
        if trainer.alive:
            due_at = trainer.due_at

            def again() -> None:
                # Something else may have driven it meanwhile, and set another time.
                if trainer.due_at == due_at:
                    self._drive(trainer)

            self.later(max(0.0, due_at - self.now), again)

    def process_gone(self, trainer: Trainer) -> None:
        trainer.alive = False
        self.tell(trainer, f"is gone: {trainer.ending}, acked {trainer.acked}, safe {trainer.safe}")
        spool = self.disk.spools.get(trainer.session)
        if spool is not None:
            spool.owner_alive = False
        if trainer.connection is not None:
            self.hang_up(trainer.connection)
            trainer.connection = None
        life = self.daemon
        if life is not None:
            self.daemon_later(life, self.rng.uniform(0.0, 0.005), lambda: life.trainer_died(trainer.session))

    def pid_alive(self, pid: int) -> bool:
        return any(trainer.alive and trainer.pid == pid for trainer in self.trainers)

    def trainer_alive(self, session: int) -> bool:
        return any(trainer.alive and trainer.session == session for trainer in self.trainers)

    # --- the network ------------------------------------------------------------------------------------------------

    def connect(self, trainer: Trainer) -> Connection | None:
        life = self.daemon
        if life is None or life.exiting or self.net_down_until > self.now:
            return None
        self._number += 1
        connection = Connection(b"peer-%d" % self._number, trainer, life)
        self._connections[connection.peer] = connection

        def established() -> None:
            if connection.open and self.daemon is life:
                connection.up = True
                trainer.connected()
                self._drive(trainer)

        self.later(self.rng.uniform(0.0, 0.01), established)
        return connection

    def hang_up(self, connection: Connection) -> None:
        connection.open = connection.up = False

    def _lost_peer(self, connection: Connection) -> None:
        """The trainer's side notices a cut."""
        if connection.open and connection.trainer.alive and connection.trainer.connection is connection:
            self.hang_up(connection)
            connection.trainer.cut()
            self._drive(connection.trainer)

    def send_up(self, connection: Connection, envelope: Envelope) -> None:
        for at in self._travel(connection, connection.up_at):
            connection.up_at = max(connection.up_at, at)
            altered = self.rng.random() < self.road.alter and not self.healed
            arrive = partial(self._arrive, connection, envelope, altered=altered)
            self.daemon_later(connection.daemon, at - self.now, arrive)

    def _arrive(self, connection: Connection, envelope: Envelope, *, altered: bool) -> None:
        if connection.daemon.exiting:
            return
        if altered:
            connection.daemon.happen(events.Garbage(connection.peer, "the CRC does not match: the record was altered"))
        else:
            connection.daemon.happen(events.Received(connection.peer, connection.trainer.pid, envelope))

    def send_down(self, peer: bytes, envelope: Envelope) -> None:
        connection = self._connections[peer]
        if not connection.open:
            return

        def arrive() -> None:
            if connection.open and connection.trainer.alive:
                connection.trainer.receive(envelope)
                self._drive(connection.trainer)

        for at in self._travel(connection, connection.down_at):
            connection.down_at = max(connection.down_at, at)
            self.later(at - self.now, arrive)

    def _travel(self, connection: Connection, not_before: float) -> list[float]:
        """When a message arrives: never, once, or twice."""
        if connection.mute:
            return []
        rng, road = self.rng, Road() if self.healed else self.road
        at = max(self.now + rng.uniform(0.0001, 0.002), not_before)
        if rng.random() < road.lose:
            return []
        if rng.random() < road.swap:
            return [self.now + rng.uniform(0.0001, 0.3)]
        if rng.random() < road.double:
            return [at, at + rng.uniform(0.0, 0.5)]
        return [at]

    # --- the daemon -------------------------------------------------------------------------------------------------

    def _start_daemon(self) -> None:
        if self.daemon is not None:
            return
        self.frozen_until = 0.0
        # Its first acts already go through `daemon_later`.
        life = DaemonLife.__new__(DaemonLife)
        self.daemon = life
        DaemonLife.__init__(life, self, random.Random(self.rng.getrandbits(60)))
        self.tell("daemon", f"boot {life.core.boot:x}, {len(life.core.sessions)} sessions")

    def daemon_gone(self, how: str) -> None:
        """It has ended, or was ended: connections break, and somebody starts another."""
        life, self.daemon = self.daemon, None
        assert life is not None
        self.tell("daemon", f"is gone: {how}")
        for connection in list(self._connections.values()):
            if connection.daemon is life:
                del self._connections[connection.peer]
                if connection.open and not connection.mute:
                    self.later(self.rng.uniform(0.0, 0.01), lambda c=connection: self._lost_peer(c))
        self.later(self.rng.choice([0.05, 0.3, 2.5, 5.0]), self._start_daemon)

    def work(self, job: Job) -> Outcome:
        if self.healed:
            outcome = Outcome(job.key, True, 0.01, (f"{job.kind}/{job.film}",))
        else:
            outcome = outcome_of(job, self.rng.random(), poison=self.rng.random() < 0.05 or job.key in self.poison)
            if outcome.error == "poison":
                self.poison.add(job.key)
        if outcome.ok:
            self.prints[job.key] = self.prints.get(job.key, 0) + 1
        return outcome

    def check_film(self, session: int, film: int, frames: int | None) -> None:
        """What a worker would read is what the trainer shot, whole or (None) a beginning of it."""
        trainer = next(item for item in self.trainers if item.session == session)
        held = {envelope.seq: envelope for envelope, _ in self.disk.films.files.get((session, film), [])}
        shot = trainer.shots[film]
        if frames is not None:
            lacking = [seq for seq in shot.seqs if seq not in held]
            session_over = not trainer.alive
            assert not lacking or session_over, f"film {film} is developed without records {lacking}"

    # --- faults -----------------------------------------------------------------------------------------------------

    def _strike(self, fault: str) -> None:
        if self.healed:
            return
        self.faults[fault] = self.faults.get(fault, 0) + 1
        self.tell("fault", fault)
        rng, life = self.rng, self.daemon
        match fault:
            case "kill the daemon" | "a failed sync" | "power cut":
                self._crash(fault)
            case "stop the daemon" if life is not None and not life.exiting:
                life.happen(events.StopAsked("SIGTERM"))
            case "freeze the daemon":
                self.frozen_until = self.now + rng.choice([0.5, 3.0, 17.0])
            case "cut":
                for connection in [item for item in self._connections.values() if item.open]:
                    self._lost_peer(connection)
            case "half-open":
                for connection in [item for item in self._connections.values() if item.open]:
                    connection.mute = True
            case "network down":
                self.net_down_until = self.now + rng.choice([0.5, 4.0])
                for connection in [item for item in self._connections.values() if item.open]:
                    self._lost_peer(connection)
            case "full disk":
                self.disk_full_until = self.now + rng.choice([0.5, 4.0, 20.0])
            case "kill a trainer":
                alive = [item for item in self.trainers if item.alive]
                if alive:
                    victim = rng.choice(alive)
                    victim.ending = "killed"
                    self.process_gone(victim)
            case "clock jumps":
                self.wall_shift += rng.choice([-86_400.0, 86_400.0])

    def _crash(self, fault: str) -> None:
        power = fault == "power cut"
        if power:
            for trainer in self.trainers:
                trainer.powered = False
            for trainer in [item for item in self.trainers if item.alive]:
                trainer.ending = "power"
                self.process_gone(trainer)
        if self.daemon is not None:
            self.daemon_gone(fault)
            self.disk.crash(self.rng, unsynced_lost=fault != "kill the daemon", power=power)
        elif power:
            for _, spool in sorted(self.disk.spools.items()):
                spool.power_cut(self.rng)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _heal(self) -> None:
        self.healed = True
        self.net_down_until = self.disk_full_until = self.frozen_until = 0.0
        self.tell("world", "is healed")

    def _why_not_over(self) -> str:
        alive = [item.number for item in self.trainers if item.alive]
        if alive:
            boxes = [(item.box.state, item.box.why, item.acked, item.box.last_c) for item in self.trainers]
            return f"trainers {alive} live: {boxes}"
        if self.daemon is None or self.daemon.exiting:
            return "no daemon"
        core = self.daemon.core
        if core.sessions:
            return f"sessions {core.sessions}"
        if not core.lab.jobs.idle or not core.lab.waiters.idle:
            return f"jobs {core.lab.jobs.counts}, waiters {core.lab.waiters}"
        if core.next_at() is not None or not core._batches.empty or self.daemon.busy or self.disk.spools:
            return f"something is due at {core.next_at()}, spools of {list(self.disk.spools)}"
        return ""

    def _once_more(self) -> None:
        """After everything a restart must find nothing to do (row 35)."""
        before, self.prints = self.prints, {}
        self.daemon_gone("restart at the end")
        self.disk.crash(self.rng, unsynced_lost=False, power=False)
        idle_at = self.now + 10.0
        while self.now < idle_at:
            self._next()
        assert self.daemon is not None
        assert not self.prints, f"made again after a restart: {self.prints}"
        self.prints = before


def tell_story(seed: int) -> World:
    """One story; an AssertionError carries the seed and its last events."""
    world = World(seed)
    try:
        world.run()
    except Exception as error:  # whatever it is, it is a find: say with which seed
        told = "\n".join(f"  {at - 100:9.4f}  {who:10}  {what}" for at, who, what in world.story)
        raise AssertionError(f"FILMLAB_SEED={seed}: {error}\nthe last events:\n{told}") from error
    return world


def main(first: int, count: int) -> int:
    steps, faults, bad = 0, {}, 0
    for seed in range(first, first + count):
        try:
            world = tell_story(seed)
        except AssertionError:
            bad += 1
            if bad <= int(os.environ.get("SHOW", "3")):
                traceback.print_exc(limit=-6)
            continue
        steps += world.steps
        for name, times in world.faults.items():
            faults[name] = faults.get(name, 0) + times
        if "--story" in sys.argv:
            print(*(f"{at - 100:9.4f}  {who:10}  {what}" for at, who, what in world.story), sep="\n")
    print(f"{count} stories tried / {bad} bad from seed {first}: {steps} steps, faults {dict(sorted(faults.items()))}")
    return bad


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]), int(sys.argv[2])) else 0)
