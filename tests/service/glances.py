"""Runs at a glance, as `filmlab top` has them, without an index."""

from filmlabd.model import RunRow
from filmlabd.overview import Glance


def glance(run_id: str, status: str = "running", **more: object) -> Glance:
    """A run of 5 of 10 episodes, two a second while it is alive."""
    fields = {
        "run_id": run_id, "name": f"run {run_id}", "project": "p", "group": "", "tags": (), "directory": "/d",
        "status": status, "attempt": 1, "config": {}, "summary": {}, "schedule": "cubic", "plan_version": 1,
        "wanted": "", "next_episodes": 0, "asked_by": "", "total_episodes": 10, "fps": 30.0, "created_wall": 1.0,
        "updated_wall": 2.0, "finished_wall": None, "episodes": 5, "printed": False,
    }  # fmt: skip
    run = RunRow(**(fields | more))  # type: ignore[arg-type]  # fields of many types
    return Glance(run, 40.0, 80.5, (0.0, 1.0, 2.0), 2.0 if status == "running" else 0.0, None)
