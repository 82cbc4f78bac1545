"""`filmlab status`: is there a daemon, and what is it doing?"""

from collections.abc import Mapping
from typing import Any

from filmlab.paths import StatePaths
from filmlab.words import duration, plural, size
from filmlabd.cli.format import dump, pairs
from filmlabd.cli.presence import ASK_TIMEOUT_S, Presence, look_for_daemon
from filmlabd.index.read import NoIndex, Reader

_QUEUE = {"failed": "given up"}
"""Words of people for the daemon's, where these differ."""


def run(paths: StatePaths, *, as_json: bool) -> tuple[list[str], bool]:
    """What the daemon says of itself, or what is known without one. Trouble: it hangs, or gave something up."""
    document = look(paths)
    if as_json:
        return [dump(document)], bool(document["trouble"])
    rows = _daemon_rows(document) if document["daemon"] == "running" else _other_rows(document)
    lines = pairs(rows)
    lines += [f"trouble: {item}" for item in document["trouble"]]
    return lines, bool(document["trouble"])


def look(paths: StatePaths) -> dict[str, Any]:
    """As `ask`, and what the index says."""
    return ask(paths, ASK_TIMEOUT_S) | {"index": _index(paths)}


def ask(paths: StatePaths, timeout_s: float) -> dict[str, Any]:
    """`daemon` is `running`, `none` or `hanging`; with it running, its own answer is under `status`."""
    seen = look_for_daemon(paths, timeout_s)
    document: dict[str, Any] = {"state_dir": str(paths.state), "daemon": seen.presence.value, "trouble": []}
    if seen.presence is Presence.RUNNING:
        return document | {"status": dict(seen.status), "trouble": _troubles(seen.status)}
    document["reason"] = seen.reason
    if seen.presence is Presence.HANGING:
        document |= {"pid": seen.pid, "trouble": [f"{seen.hanging}; see {paths.log}"]}
    return document


def _index(paths: StatePaths) -> dict[str, int] | None:
    """What can be told without a daemon; None when there is nothing yet."""
    try:
        with Reader(paths.index) as reader:
            runs = reader.runs()
            return {
                "runs": len(runs),
                "running": sum(run.status == "running" for run in runs),
                "waiting_films": len(reader.jobs("ready")),
                "failed_prints": sum(row.quarantined for row in reader.failures()),
            }
    except NoIndex:
        return None


def _troubles(status: Mapping[str, Any]) -> list[str]:
    found = [f"given up: {item['key']}: {item['reason']}" for item in status.get("quarantined", [])]
    if status.get("quarantined_more"):
        found.append(
            f"given up: {plural(status['quarantined_more'], 'more print')}; `filmlab ls RUN` names those of a run"
        )
    if status.get("refused_records"):
        found.append(f"{plural(status['refused_records'], 'record')} refused, which their senders were told")
    refused = status.get("disk", {}).get("film_refused")
    if refused:
        found.append(f"no film is taken: {refused}")
    if status.get("paused"):
        found.append(str(status["paused"]))
    if status.get("disk_full"):
        found.append(f"something cannot be written: {status['disk_full']}")
    return found


def _daemon_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    status = document["status"]
    uptime_s = status.get("uptime_s")
    up = f", up {duration(uptime_s)}" if uptime_s is not None else ""
    rows = [
        ("daemon", f"running, version {status.get('version', '?')}, process {status.get('pid', '?')}{up}"),
        ("state", document["state_dir"]),
    ]
    rows += [(name, str(status[name])) for name in ("ingest", "control") if name in status]
    runs = status.get("runs", [])
    more = " …" if len(runs) > 10 else ""
    rows.append(("runs", f"{len(runs)} alive{': ' if runs else ''}{' '.join(runs[:10])}{more}"))
    rows.append(("sessions", str(status.get("sessions", 0))))
    queue = status.get("queue", {})
    rows.append(("queue", ", ".join(f"{number} {_QUEUE.get(name, name)}" for name, number in queue.items())))
    if "workers" in status:
        workers = status["workers"]
        busy = sum(bool(key) for key in workers.values())
        rows.append(("workers", f"{len(workers)}, of which {busy} at work"))
    rows.append(("ingested", size(status.get("ingested_bytes", 0))))
    disk = status.get("disk", {})
    if disk.get("free_bytes") is not None:
        kept = size(disk["keep_free_bytes"])
        most = [size(disk["most_film_bytes"])] if disk["most_film_bytes"] else []
        most += [plural(disk["most_film_files"], "film")] if disk["most_film_files"] else []
        of = f", of at most {' and '.join(most)}" if most else ""
        rows.append(("film", f"{plural(disk['film_files'], 'film')}, {size(disk['film_bytes'])}{of}"))
        rows.append(("disk", f"{size(disk['free_bytes'])} free, of which {kept} are not for film"))
    garbage = status.get("garbage")
    if garbage:
        rows.append(("garbage", ", ".join(f"{number} × {what}" for what, number in garbage.items())))
    if status.get("stopping"):
        rows.append(("stopping", str(status["stopping"])))
    return rows


def _other_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    said = "none; a trainer starts one by itself" if document["daemon"] == "none" else "does not answer"
    rows = [("daemon", said), ("state", document["state_dir"])]
    index = document["index"]
    if index is None:
        return [*rows, ("runs", "none so far")]
    rows.append(("runs", f"{index['runs']}, of which {index['running']} had not ended when it was last looked at"))
    rows.append(("waiting", f"{plural(index['waiting_films'], 'film')} to be developed by the next daemon"))
    if index["failed_prints"]:
        rows.append(("given up", f"{plural(index['failed_prints'], 'print')}; see filmlab doctor"))
    return rows
