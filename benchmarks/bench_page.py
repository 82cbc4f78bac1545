"""How quick is the page, and what do people who look cost the trainings? Sizes, answers, and ingest while pages are
open."""

import contextlib
import http.client
import re
import threading
import time
from collections.abc import Iterator
from statistics import median as middle

import numpy as np
from figures import Figure, median, number
from household import Household

from filmlabd.index.columns import Columns
from filmlabd.index.schema import open_writer
from filmlabd.index.writer import Index
from service.keeping import Story
from web.site import Site, write_runs

RUNS = 200
FIRST_KB = 150
FIRST_MS = 150
METRICS = 20
CURVES_MS = 500
PAGES = 20
PAIRS = 9
COST_SHARE = 0.15
_LOADED = re.compile(rb'(?:href|src)="(/static/[^"]+)"')
_IMPORTED = re.compile(rb'from "\./([a-z]+\.js)"')


def bench_page(house: Household, short: bool) -> list[Figure]:
    """The first page, a long run, and twenty people who look."""
    return [*_first_page(house), *_long_run(house, 20_000 if short else 1_000_000), *_open_pages(house, short)]


def _first_page(house: Household) -> list[Figure]:
    room = Household(house.root / "many")
    try:
        write_runs(room, RUNS)
        site = Site(room)
        first_ms = _timed_ms(site, "/")
        later_ms = middle(_timed_ms(site, "/") for _ in range(9))
        page_bytes, asset_bytes = _weight(site)
    finally:
        room.close()
    total_kb = (page_bytes + asset_bytes) / 1000
    return [
        Figure(
            f"page of {RUNS} runs, compressed (HTML + scripts and styles)",
            f"≤ {FIRST_KB} kB",
            f"{total_kb:.0f} kB ({page_bytes / 1000:.0f} + {asset_bytes / 1000:.0f})",
            total_kb <= FIRST_KB,
        ),
        Figure(
            "  answered: the first time / again",
            f"≤ {FIRST_MS} ms",
            f"{number(first_ms)} / {number(later_ms)} ms",
            first_ms <= FIRST_MS,
        ),
    ]


def _long_run(house: Household, points: int) -> list[Figure]:
    room = Household(house.root / "long")
    try:
        _write_long(room, points)
        site = Site(room)
        metrics = "&".join(f"m=train/m{number_of}" for number_of in range(METRICS))
        cold_ms = _timed_ms(site, f"/api/runs/long/curves?{metrics}&w=800")
        warm_ms = middle(_timed_ms(site, f"/api/runs/long/curves?{metrics}&w={800 + more}") for more in range(1, 10))
        part = f"from={points // 2}&to={points // 2 + points // 50}"
        zoom_ms = middle(_timed_ms(site, f"/api/runs/long/curves?{metrics}&{part}&w={700 + more}") for more in range(5))
        wall_ms = _timed_ms(site, f"/api/runs/long/curves?{metrics}&x=wall&w=800")
    finally:
        room.close()
    return [
        Figure(
            f"curves of {METRICS} metrics × {points:,} points: first / again",
            f"≤ {CURVES_MS} ms",
            f"{number(cold_ms)} / {number(warm_ms)} ms",
            cold_ms <= CURVES_MS,
        ),
        Figure("  a fiftieth of them / all by wall time", "reported", f"{number(zoom_ms)} / {number(wall_ms)} ms"),
    ]


def _open_pages(house: Household, short: bool) -> list[Figure]:
    """Ingest of points beside itself, with pages open on the run that logs and without."""
    site = Site(house)
    rows = 10_000 if short else 100_000
    shares, rates = [], []
    for turn in range(1 if short else PAIRS):
        found: dict[bool, float] = {}
        # Whoever goes first has the colder caches: they take turns.
        for watched in (False, True) if turn % 2 else (True, False):
            with _watching(site, PAGES) if watched else contextlib.nullcontext():
                found[watched] = house.measure("points", rows=rows)["durable"]
        shares.append(1 - found[True] / found[False])
        rates.append(found[True])
    cost = median(shares)
    return [
        Figure(
            f"ingest with {PAGES} pages open: points/s lost, median of {len(shares)} pairs",
            f"≤ {COST_SHARE:.0%}",
            f"{cost:.0%} (from {min(shares):.0%} to {max(shares):.0%}; {median(rates):,.0f} points/s left)",
            cost <= COST_SHARE,
        )
    ]


@contextlib.contextmanager
def _watching(site: Site, pages: int) -> Iterator[None]:
    """So many pages as a browser has them, without one: half on the table of runs, half on a run, asking as its script
    does."""
    ended = threading.Event()
    watchers = [threading.Thread(target=_watch, args=(site, ended, place % 2 == 0)) for place in range(pages)]
    for watcher in watchers:
        watcher.start()
    try:
        yield
    finally:
        ended.set()
        for watcher in watchers:
            watcher.join()


def _watch(site: Site, ended: threading.Event, table: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=1.0)
    runs = site.ask("/api/runs").json
    topic = "topic=runs" if table or not runs else f"topic=run&run={runs[0]['id']}"
    connection.request("GET", f"/api/events?{topic}", headers={"Cookie": site.cookie})
    answer = connection.getresponse()
    while not ended.is_set():
        try:
            line = answer.readline()
        except TimeoutError:
            # Nothing was new for a second. What was read so far of a line is lost, which nobody here minds.
            answer.close()
            connection.close()
            connection.request("GET", f"/api/events?{topic}", headers={"Cookie": site.cookie})
            answer = connection.getresponse()
            continue
        if line.startswith(b"data: ") and not table and runs:
            site.ask(f"/api/runs/{runs[0]['id']}/curves?m=metric/0&m=metric/1&m=metric/2&m=metric/3&w=600")
    connection.close()


def _timed_ms(site: Site, path: str) -> float:
    began = time.perf_counter()
    reply = site.ask(path, accept_encoding="gzip")
    took_ms = (time.perf_counter() - began) * 1e3
    assert reply.status == 200, reply
    return took_ms


def _weight(site: Site) -> tuple[int, int]:
    """Compressed bytes of the first page, and of everything that it loads but pictures."""
    page = site.ask("/", accept_encoding="gzip").body
    seen: dict[str, int] = {}
    left = [path.decode() for path in _LOADED.findall(site.ask("/").body)]
    while left:
        path = left.pop()
        if path in seen or path.endswith(".svg"):
            continue
        seen[path] = len(site.ask(path, accept_encoding="gzip").body)
        if path.endswith(".js"):
            folder = path.rpartition("/")[0]
            left += [f"{folder}/{name.decode()}" for name in _IMPORTED.findall(site.ask(path).body)]
    return len(page), sum(seen.values())


def _write_long(house: Household, points: int) -> None:
    """A finished run with that many points of each metric, as the index has it."""
    house.paths.make()
    story = Story()
    story.open(run_id="long", name="long", directory=str(house.root))
    story.closed(run_id="long")
    index, at = Index(house.paths.index), 0
    for envelope in story.told:
        index.apply(at, envelope)
        at += envelope.size_bytes
    index.commit()
    index.close()
    db = open_writer(house.paths.index)
    (writer_id,) = db.execute("SELECT id FROM writers").fetchone()
    columns = Columns(db)
    names = {number_of: f"train/m{number_of}" for number_of in range(METRICS)}
    ids = np.arange(METRICS, dtype="<u4").tobytes()
    values = np.random.default_rng(1).normal(size=(4096, METRICS)).astype("<f8")
    db.execute("BEGIN")
    for step in range(points):
        columns.add(writer_id, 1, ids, names, 1, step, 1e9 + step / 100, values[step % 4096].tobytes())
    columns.flush()
    db.execute("COMMIT")
    db.close()
