"""What did a run's trainings and evaluations come to? The numbers of each, its files, its episodes, what befell it."""

from filmlab.kinds import MOVING
from filmlabd.artifact_names import POSTER
from filmlabd.model import ResultsRow
from filmlabd.pages.html import Html, el, href, join
from filmlabd.pages.words import flatten

SHOWN_MAX = 6
STATES = {"pending": "on their way", "ready": "being written", "failed": "could not be written", "done": "written"}


def results_title(row: ResultsRow) -> str:
    """`Training results`, and whose where that is not the usual writer."""
    return f"{row.run_type.capitalize()} results" + ("" if row.writer == "main" else f" of {row.writer}")


def own_files(row: ResultsRow) -> list[str]:
    """The paths of its files, but for those of its episodes."""
    return [path for path in row.paths if "/episodes/" not in f"/{path}"]


def results_body(row: ResultsRow, *, alone: bool) -> list[Html | None]:
    """What stands under the title. `alone`: no file lies beside the page."""
    values = [pair for pair in flatten(row.summary | row.metadata) if pair[0] != "run_type"]
    lines = [el("tr", el("th", name, scope="row"), el("td", value, cls="right")) for name, value in values]
    return [
        el("div", el("table", lines), cls="scroll") if lines else None,
        None if alone else _episodes(row),
        # That they are written says nothing where they cannot be found.
        el("p", *_files(row, alone=alone), cls="dim") if not (alone and row.state == "done") else None,
        el("p", row.problem, cls="note") if row.problem else None,
    ]


def _episodes(row: ResultsRow) -> Html | None:
    """The videos of its first episodes, small."""
    shown = [path for path in row.paths if path.endswith(MOVING) and not path.endswith(POSTER)]
    figures = [
        el(
            "figure",
            el("div", el("a", el("img", src=href(path), alt=path, loading="lazy"), href=href(path)), cls="frame"),
        )
        for path in shown[:SHOWN_MAX]
    ]
    return el("div", figures, cls="progress") if figures else None


def _files(row: ResultsRow, *, alone: bool) -> list[Html | str]:
    """Its files, or how far they are."""
    shown = own_files(row)
    if alone or not shown:
        return [STATES.get(row.state, row.state)]
    return [join([", " if index else "", el("a", path, href=href(path))]) for index, path in enumerate(shown)]
