"""How do the parts of the daemon hang together? Events go into the core, its commands go to whoever carries them out.

One event loop, one timer, one disk thread, a pool of worker processes. Nothing here decides anything.
"""

import asyncio
import collections
import contextlib
import logging
import os
import signal
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import zmq

import filmlab
from filmlab import spool
from filmlab.endpoint import Endpoint, remove_endpoint, write_endpoint
from filmlab.paths import StatePaths
from filmlabd import burden, ops
from filmlabd.config import Settings
from filmlabd.core import events
from filmlabd.core.core import Core, Limits
from filmlabd.core.departures import OVER_KEPT
from filmlabd.core.jobs import Jobs, LiveRules
from filmlabd.core.lab import Lab
from filmlabd.core.session import credit_bytes
from filmlabd.disk import Disk
from filmlabd.index.writer import Index
from filmlabd.journal.ballast import Ballast
from filmlabd.journal.films import FilmStore
from filmlabd.journal.journal import Journal
from filmlabd.pool.pool import Pool, worker_path
from filmlabd.pool.worker_wire import WorkerSpec
from filmlabd.questions import Questions
from filmlabd.restore import drop_ended_spools, restore
from filmlabd.survey import survey
from filmlabd.transport import Admission, Transport
from filmlabd.watch import Watches

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
DISK_CLOSE_S = 60.0
DISK_STUCK_S = 20.0
"""A disk command that takes longer hangs; waiting for a full disk to have room is no hanging."""
EX_SOFTWARE = 70


@dataclass(frozen=True, slots=True)
class Addresses:
    """The endpoints to bind."""

    ingest: str
    control: str


class Daemon:
    """One life of the daemon, on one state directory whose lock the caller holds."""

    def __init__(self, paths: StatePaths, addresses: Addresses, settings: Settings) -> None:
        self._paths = paths
        self._addresses = addresses
        self._settings = settings
        self._boot = int.from_bytes(os.urandom(8), "little") >> 1
        self._exit: asyncio.Future[events.Exit]
        self._todo: collections.deque[events.Event] = collections.deque()
        self._handling = False
        self._timer: asyncio.TimerHandle | None = None
        self._started_at = time.monotonic()
        self._lock_inode = _inode(paths.daemon_lock)
        self._taken_in: set[int] = set()
        self._scales = burden.Scales(burden.measure(), settings.runaway_bytes)

    async def run(self) -> int:
        """Serve until asked to stop, or idle for long enough; the exit status."""
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_crash)
        self._exit = self._loop.create_future()
        films, index = self._open_disk()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._admission = Admission(self._context)
        self._transport = Transport(self._context, self._happen)
        self._questions = Questions(self._context, self._asked)
        self._watches = Watches(
            on_death=lambda session: self._happen(events.TrainerDied(session)),
            on_failure=lambda session: self._happen(events.Unwatched(session)),
        )
        self._core = self._make_core()
        drop_ended_spools(index.read, self._paths.spool)
        sessions = restore(index.read, films, self._core.lab, self._now().at)
        ballast = Ballast(self._paths.root / "ballast")
        self._disk = Disk(self._journal, films, index, self._paths.spool, ballast, self._from_disk)
        nice = self._settings.worker_nice
        spec = WorkerSpec(str(self._paths.index), str(self._paths.film), worker_path(), nice=nice)
        self._pool = Pool(
            self._settings.workers,
            spec,
            done=lambda outcome: self._happen(events.JobFinished(outcome)),
            freed=lambda count: self._happen(events.WorkersFree(count)),
        )
        await self._pool.start()
        self._carry_out(self._core.restore(sessions, self._now(), index.read.ended_sessions(OVER_KEPT)))
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._happen, events.StopAsked(signal.Signals(number).name))
        self._open_doors()
        end = await self._exit
        await self._close()
        return end.status

    # --- the loop ---------------------------------------------------------------------------------------------------

    def _happen(self, event: events.Event) -> None:
        """One event in; its commands carried out; further events that these bring wait their turn."""
        self._todo.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._todo:
                event = self._todo.popleft()
                if isinstance(event, events.WorkersFree):
                    # What counts is how many are free now: jobs may have been given out since this was said.
                    event = events.WorkersFree(self._pool.free)
                self._carry_out(self._core.handle(event, self._now()))
        finally:
            self._handling = False
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        at = self._core.next_at()
        # The loop's clock is the monotonic one that the core's instants are of.
        self._timer = self._loop.call_at(at, self._happen, events.Woken()) if at is not None else None

    def _from_disk(self, event: events.Event) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already: the end has been decided
            self._loop.call_soon_threadsafe(self._happen, event)
            if isinstance(event, events.Measured) and event.stuck:
                # Maybe for want of descriptors: not a moment later than it is noticed.
                self._loop.call_soon_threadsafe(self._weigh)

    def _now(self) -> events.Now:
        return events.Now(time.monotonic(), time.time())

    def _carry_out(self, commands: list[events.Command]) -> None:
        for command in commands:
            match command:
                case events.Send():
                    self._transport.send(command.peer, command.envelope)
                case events.StartJob():
                    self._pool.submit(command.job, command.deadline_s)
                case events.Watch():
                    self._watches.add(command.session, command.pid, command.started)
                case events.Unwatch():
                    self._watches.remove(command.session)
                case events.Reply():
                    self._questions.reply(command.request, command.body)
                case events.Warn():
                    log.warning("%s", command.text)
                case events.Survey():
                    self._survey(command)
                case events.Exit():
                    if not self._exit.done():
                        self._exit.set_result(command)
                case _:
                    if isinstance(command, events.DropSpool):
                        self._taken_in.add(command.session)
                    self._disk.submit(command)

    def _survey(self, command: events.Survey) -> None:
        """In a thread of its own: many films take a while, and neither the loop nor the disk's thread waits for it."""
        looking = self._loop.run_in_executor(None, survey, self._paths, command)
        looking.add_done_callback(lambda done: self._happen(done.result()))

    # --- beginning and end ------------------------------------------------------------------------------------------

    def _open_disk(self) -> tuple[FilmStore, Index]:
        films = FilmStore(self._paths.film)
        index = Index(self._paths.index)
        self._journal = Journal(self._paths.journal, trusted=index.watermark)
        caught_up = index.catch_up(self._journal)
        log.info("state in %s: %d records of the journal were not in the index yet", self._paths.root, caught_up)
        return films, index

    def _make_core(self) -> Core:
        settings = self._settings
        live = LiveRules(settings.live_gap_s, settings.live_cost_factor, settings.live_share)
        lab = Lab(Jobs(live), settings.job_deadline_s)
        limits = Limits(
            settings.sync_idle_s, settings.idle_exit_s, settings.memory_bytes, settings.keep_free_bytes,
            settings.film_bytes, settings.film_files,
        )  # fmt: skip
        about = {
            "version": filmlab.__version__,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "state_dir": str(self._paths.state),
            "ingest": self._addresses.ingest,
            "control": self._addresses.control,
        }
        return Core(self._boot, limits, lab, about)

    def _open_doors(self) -> None:
        self._transport.bind(self._addresses.ingest)
        self._questions.bind(self._addresses.control)
        self._publish()
        self._look_after()
        every_s = ops.watchdog_interval_s(os.environ, os.getpid())
        if every_s is not None:
            self._feed_watchdog(every_s)
        ops.notify("READY=1\nSTATUS=serving", os.environ)
        log.info("serving at %s with %d workers", self._addresses.ingest, self._settings.workers)

    def _publish(self) -> None:
        where = self._addresses
        endpoint = Endpoint(where.ingest, where.control, os.getpid(), filmlab.__version__, self._boot)
        write_endpoint(self._paths.endpoint, endpoint)

    def _look_after(self) -> None:
        """Now and then: spools whose owner is dead, and sockets that somebody has wiped."""
        if self._exit.done():
            return
        if _inode(self._paths.daemon_lock) != self._lock_inode:
            self._happen(events.StopAsked("its state directory is gone"))
            return
        self._weigh()
        try:
            self._look_for_spools()
        except OSError as error:
            if error.errno not in burden.NO_DESCRIPTORS:
                raise
            log.debug("spools are looked for again when there are descriptors: %s", error)
        if self._transport.gone() and not self._scales.crowded:
            log.warning("nothing listens at %s: binding it again", self._addresses.ingest)
            self._paths.make_runtime()
            self._transport.bind_again(self._addresses.ingest)
            self._questions.bind_again(self._addresses.control)
            self._publish()
        self._loop.call_later(LOOK_EVERY_S, self._look_after)

    def _look_for_spools(self) -> None:
        found = set(spool.sessions(self._paths.spool))
        # One that was taken in, and that the disk's thread has not come to remove yet, is not taken in again.
        self._taken_in &= found
        for session in found - self._taken_in:
            if not spool.owner_alive(self._paths.spool, session):
                self._happen(events.SpoolFound(session, spool.read_owner(self._paths.spool, session).umask))

    def _weigh(self) -> None:
        """Memory that nobody was granted: hang up, so that it comes back; whoever is honest calls again.

        Few descriptors: let nobody else in, for libzmq would end this process with the last one.
        """
        now, sessions = burden.measure(), len(self._core.sessions)
        if self._scales.is_crowded(now):
            log.error(
                "%d of %d descriptors are in use: no more connections for now", now.descriptors, now.descriptors_max
            )
        if self._scales.crowded and not self._transport.gone():
            self._transport.shut()
            self._questions.shut()
        if self._scales.is_runaway(now, sessions * credit_bytes(self._settings.memory_bytes, sessions)):
            log.error("%d MiB of memory that nobody was granted: closing all connections", now.anonymous_bytes >> 20)
            self._transport.hang_up()
            ops.trim_memory()

    def _asked(self, asked: events.Asked) -> None:
        self._happen(replace(asked, measured=self._measured()))

    def _feed_watchdog(self, every_s: float) -> None:
        """The manager hears from this loop, and only as long as the disk's thread gets on as well."""
        if self._disk.stuck_s() < DISK_STUCK_S:
            ops.notify("WATCHDOG=1", os.environ)
        self._loop.call_later(every_s, self._feed_watchdog, every_s)

    def _measured(self) -> dict[str, Any]:
        return {
            "uptime_s": time.monotonic() - self._started_at,
            "workers": {str(pid): key for pid, key in self._pool.workers.items()},
            "refused_connections": self._admission.refused,
            "disk_full": self._disk.full,
            "runaways": self._scales.runaways,
        }

    async def _close(self) -> None:
        log.info("stopping: %s", self._core.stopping)
        ops.notify("STOPPING=1", os.environ)
        remove_endpoint(self._paths.endpoint, self._boot)
        await self._pool.stop(self._settings.stop_grace_s)
        self._watches.close()
        self._disk.close(DISK_CLOSE_S)
        # What the last sync made durable is acknowledged by the next daemon; the drafts of the core end here.
        self._transport.close()
        self._questions.close()
        self._admission.close()
        self._context.destroy(linger=1000)
        if self._timer is not None:
            self._timer.cancel()


def _inode(path: Path) -> int:
    """Of a file, 0 where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _crash(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A bug: end at once. All that was acknowledged is on disk, and a fresh start is better than a state of unknown."""
    log.critical("ending because of a bug: %s", context["message"], exc_info=context.get("exception"))
    os._exit(EX_SOFTWARE)
