"""Which films are deleted, when, and how is that written down? Over a quota, for want of room, with their run. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from filmlab.errors import BadInput
from filmlab.words import size
from filmlabd.core import events
from filmlabd.core.desk import Desk
from filmlabd.core.events import Command, Effect, Now, Reply
from filmlabd.core.jobs import film_key
from filmlabd.core.retention import AWAITED_SHARE, KeptFilm, Quota
from filmlabd.facts import FilmDeleted, RunRemoved

PAUSE_LEAST_S, PAUSE_FACTOR = 1.0, 20.0
"""After a look that found nothing that may go: films may be printed the next moment, or never. So many times what the
look took, that many films do not keep a core busy."""


@dataclass(frozen=True, slots=True)
class _Request:
    """Somebody asked for a look."""

    run_id: str = ""
    dry: bool = False
    failed: bool = False
    """The films of given-up prints as well."""


@dataclass(slots=True)
class Keeper:
    """What is known of films as a whole. At most one look through all of them is under way that nobody asked for."""

    desk: Desk
    quota: Quota = field(default_factory=Quota)
    _looking: bool = False
    _wanted: bool = False
    """By the last measurement some film should go."""
    _swept: bool = False
    _again_at: float = float("-inf")
    _asked_at: float = 0.0
    _going: set[tuple[int, int]] = field(default_factory=set)
    """Films whose end is written down and not yet indexed."""
    _requests: dict[bytes, _Request] = field(default_factory=dict)
    _replies: list[Reply] = field(default_factory=list)
    """To be given when nothing is going any more."""
    _removing: dict[str, Reply] = field(default_factory=dict)

    def measured(self, disk: events.Measured, short_bytes: int, now: Now, out: list[Command]) -> None:
        """Look through the films at the beginning, and when some should go. `short_bytes`: what the disk lacks."""
        self._wanted = bool(short_bytes or self.quota.excess(disk.film_bytes, disk.film_files))
        if self._looking or self._going or now.at < self._again_at or (self._swept and not self._wanted):
            return
        if self._swept and self.desk.lab.jobs.film_count > AWAITED_SHARE * disk.film_files:
            return  # nothing would go
        self._looking, self._asked_at = True, now.at
        # How much goes is decided by what is seen there: files whose end is written down count here, and there no more.
        out.append(events.Survey(self.quota, short_bytes))

    def why_full(self, disk: events.Measured) -> str:
        """Why no more film is taken, or empty: film comes faster than it is developed, and none may go before it is.

        Only while prints are being made: a film that is still being shot would otherwise wait for its own end.
        """
        if not self.quota.is_met(disk.film_bytes, disk.film_files) or not self.desk.lab.jobs.film_count:
            return ""
        return f"the films that are not printed yet fill what may be kept ({size(disk.film_bytes)})"

    # --- requests ---------------------------------------------------------------------------------------------------

    def clear(self, request: bytes, args: dict[str, Any]) -> list[Effect]:
        """`gc`: delete what belongs to no film, and what is over the quota. `dry`: only say what that would be.

        `failed`: the films of given-up prints as well.
        """
        self._requests[request] = _Request(dry=args.get("dry") is True, failed=args.get("failed") is True)
        return [events.Survey(self.quota, thorough=True, request=request)]

    def remove(self, request: bytes, run_id: str) -> list[Effect]:
        """`remove`: everything of a run that is over.

        Raises:
            BadInput: there is no such run, or it is not over.
        """
        self._check_over(run_id)
        self._requests[request] = _Request(run_id)
        return [events.Survey(self.quota, run_id=run_id, request=request)]

    # --- what comes of it -------------------------------------------------------------------------------------------

    def surveyed(self, seen: events.Surveyed, now: Now, out: list[Command]) -> None:
        """Write down which films go; they are deleted once that is durable."""
        asked = self._requests.pop(seen.request, None)
        if asked is None:
            self._looking = False
        if seen.trouble:
            self._again_at = self._after_pause(now)
            if asked is not None:
                out.append(Reply(seen.request, {"ok": False, "error": seen.trouble}))
            return
        if asked is not None and asked.run_id:
            self._remove(asked.run_id, seen, now, out)
            return
        gone, given_up = self._idle(seen.gone), self._idle(seen.given_up)
        words = replace(seen, gone=gone, given_up=given_up).words()
        if asked is None or not asked.dry:
            self._swept = True
            out += self._sweep(seen)
            self._delete(gone, "film_bytes, film_files or the disk was full", now, out)
            if asked is not None and asked.failed:
                self._delete(given_up, "somebody let it go", now, out)
            self._again_at = now.at if gone or not self._wanted else self._after_pause(now)
        if asked is not None and not asked.dry:
            # Nothing was removed just now: a segment for each `gc` would be files without end.
            out.append(events.Compact(begin_segment=False))
        if asked is not None:
            self._answer(Reply(seen.request, {"ok": True, **words}), out)

    def indexed(self, fact: object, out: list[Command]) -> None:
        """A fact that the index shows by now: maybe the last one that somebody waits for."""
        if isinstance(fact, FilmDeleted):
            self.desk.lab.jobs.forget_film(fact.session, fact.film)
            self._going.discard((fact.session, fact.film))
            if not self._going:
                out += self._replies
                self._replies.clear()
        elif isinstance(fact, RunRemoved):
            self.desk.lab.jobs.forget_removed_run(fact.run_id)
            if fact.run_id in self._removing:
                out += [self._removing.pop(fact.run_id), events.Compact(begin_segment=True)]

    def _remove(self, run_id: str, seen: events.Surveyed, now: Now, out: list[Command]) -> None:
        try:
            self._check_over(run_id)
        except BadInput as error:
            out.append(Reply(seen.request, {"ok": False, "error": str(error)}))
            return
        self._delete(seen.gone, "its run was removed", now, out)
        del self.desk.lab.past[run_id]
        self._removing[run_id] = Reply(seen.request, {"ok": True, **seen.words()})
        self.desk.keep(RunRemoved(run_id, now.wall), now, out)
        self.desk.batches.hurry(now.at)

    def _check_over(self, run_id: str) -> None:
        lab = self.desk.lab
        run = lab.runs.get(run_id)
        if run is not None and run.alive:
            raise BadInput(f"run {run_id} is not over: it can be removed when it is")
        if run is not None or any(lab.jobs.of_run(run_id)):
            raise BadInput(f"run {run_id} is still being developed: `filmlab wait {run_id}` says how far it is")
        if run_id not in lab.past:
            raise BadInput(f"no run is called {run_id!r}")

    def _idle(self, films: Iterable[KeptFilm]) -> tuple[KeptFilm, ...]:
        """Those of them that no worker reads, or is about to."""
        return tuple(film for film in films if not self.desk.lab.jobs.has(_job_key(film)))

    def _delete(self, films: Collection[KeptFilm], reason: str, now: Now, out: list[Command]) -> None:
        for film in films:
            session = self.desk.sessions.get(film.session)
            # Of a session that is over nothing is asked any more.
            durable_b = session.durable_b if session is not None else 0
            self._going.add((film.session, film.film))
            self.desk.keep(FilmDeleted(film.session, film.film, durable_b, reason), now, out)
        if films:
            self.desk.batches.hurry(now.at)

    def _after_pause(self, now: Now) -> float:
        return now.at + max(PAUSE_LEAST_S, PAUSE_FACTOR * (now.at - self._asked_at))

    def _sweep(self, seen: events.Surveyed) -> Iterable[Command]:
        # A session that is alive again has only been away: a stalled connection may open one anew.
        nobodys = (key for key in seen.orphans if key[0] not in self.desk.sessions)
        return [events.DeleteFilm(session, film) for session, film in (*seen.leftovers, *nobodys)]

    def _answer(self, reply: Reply, out: list[Command]) -> None:
        if self._going:
            self._replies.append(reply)
        else:
            out.append(reply)


def _job_key(film: KeptFilm) -> str:
    return film_key(film.session, film.film, medium=film.is_medium)
