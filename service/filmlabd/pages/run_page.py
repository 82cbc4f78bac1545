"""What does the page of one run look like? It opens from disk: no script, nothing from elsewhere."""

import math
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files

from filmlab.words import duration, number, plural
from filmlabd.artifact_names import HISTORY, RUN
from filmlabd.model import AttemptRow, amount
from filmlabd.pages.html import Html, el, href, join, raw
from filmlabd.pages.run_results import results_body, results_title
from filmlabd.pages.texts import shown_text
from filmlabd.pages.view import ClipView, CurveView, MediumView, Picture, RunPage
from filmlabd.pages.words import flatten, moment

SMALL_PX = 200
"""Pictures below this width are shown enlarged, pixel by pixel."""
# No script runs and nothing is loaded from elsewhere, even if something in here were not escaped.
_POLICY = (
    "default-src 'none'; img-src 'self' file: data:; media-src 'self' file:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
# Not even from beside it, and with no style but ours.
_POLICY_ALONE = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'sha256-{style}'; base-uri 'none'; "
    "form-action 'none'"
)
_RETURN = "episode/return"


def run_page(page: RunPage) -> str:
    """The whole document."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(page)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="generator", content="filmlab"),
        el("title", f"{page.run.name or page.run.run_id} · {page.run.project}"),
        el("style", _style()),
    )
    body = el(
        "body",
        el(
            "main",
            _header(page),
            _stats(page),
            _hero(page),
            _problems(page),
            _clips(page),
            _media(page),
            _curves(page),
            _results(page),
            _attempts(page),
            _tables(page),
            _footer(page),
        ),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


@cache
def _style() -> Html:
    return raw(files("filmlabd.pages").joinpath("style.css").read_text("utf-8"))


def _policy(page: RunPage) -> str:
    if not page.alone:
        return _POLICY
    return _POLICY_ALONE.format(style=b64encode(sha256(_style().encode()).digest()).decode())


def _header(page: RunPage) -> Html:
    run = page.run
    begun = [el("span", "began ", _time(run.created_wall), cls="whole")]
    if run.finished_wall is not None:
        begun.append(el("span", "ended ", _time(run.finished_wall), cls="whole"))
    facts = [
        el("span", "id ", el("code", run.run_id)),
        el("span", "project ", el("bdi", run.project)),
        el("span", "group ", el("bdi", run.group)) if run.group else None,
        el("span", plural(run.attempt, "attempt")) if run.attempt > 1 else None,
        *begun,
        el("span", [el("span", tag, cls="tag") for tag in run.tags]) if run.tags else None,
    ]
    return el(
        "header",
        el("div", el("h1", run.name or run.run_id), el("span", run.status, cls=f"pill {run.status}"), cls="title"),
        el("p", facts, cls="facts"),
    )


def _stats(page: RunPage) -> Html:
    run, totals = page.run, page.totals
    until = run.finished_wall if run.finished_wall is not None else run.updated_wall
    planned = f" of {run.total_episodes:,}" if run.total_episodes >= max(1, totals.episodes) else ""
    mean = f"mean of last {totals.mean_of}" if totals.mean_of > 1 else "mean"
    rows = [
        ("episodes", number(totals.episodes) + planned),
        ("best return", number(totals.best_return)),
        ("last return", number(totals.last_return)),
        (mean, number(totals.last_mean)),
        ("environment steps", number(totals.steps)),
        ("duration", duration(until - run.created_wall)),
    ]
    return el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in rows], cls="stats")


def _hero(page: RunPage) -> Html | None:
    """The best episode, large; beside it the returns of all, and how the run got there."""
    if page.best is None:
        return None
    clip = page.best
    caption = el(
        "figcaption",
        el("div", el("b", "Best so far: " if page.run.status == "running" else "Best: ", _episode(clip), _marks(clip)),
           el("span", "return ", number(clip.return_), cls="return"), cls="line"),
        _details(clip),
    )  # fmt: skip
    film = el("figure", el("div", _linked(clip.picture, _alt(clip), lazy=False), cls="strip"), caption)
    curve = _hero_curve(page)
    if curve is None:
        return el("div", film, cls="hero alone")
    steps = el("div", map(_step, page.progress), cls="progress") if page.progress else None
    return el("div", film, el("div", _curve(curve), steps, cls="side"), cls="hero")


def _hero_curve(page: RunPage) -> CurveView | None:
    """The returns, or else the first curve there is."""
    if page.best is None:
        return None
    return next((curve for curve in page.curves if curve.metric == _RETURN), next(iter(page.curves), None))


def _step(clip: ClipView) -> Html:
    """One station of the run's progress, small."""
    caption = el("figcaption", el("b", number(clip.return_)), f" · ep. {clip.episode:,}")
    return el("figure", el("div", _linked(clip.picture, _alt(clip)), cls="frame"), caption)


def _problems(page: RunPage) -> Html | None:
    lines = [el("p", el("b", amount(drop.what, drop.count)), f" {drop.fate}") for drop in page.drops]
    lines += [el("p", el("b", problem.what), ": ", problem.why) for problem in page.problems]
    if not lines:
        return None
    return _section("What is missing", "", el("div", lines, cls="problems"))


def _clips(page: RunPage) -> Html | None:
    counts = [plural(page.clips_in_all, "clip")]
    if page.clips_shown:
        counts.append(page.clips_shown)
    if page.developing:
        counts.append(f"{page.developing:,} still developing")
    if not page.clips_in_all:
        text = "The first clip is being developed." if page.developing else "No episode has been kept on film."
        return _section("Clips", "", el("p", text, cls="empty"))
    if not page.clips:
        return _section("Clips", ", ".join(counts)) if page.clips_shown else None
    linked = page.clips_shown and not page.alone
    more = el("p", el("a", "All episodes", href="episodes/"), cls="dim") if linked else None
    return _section("Clips", ", ".join(counts), el("div", map(_card, page.clips), cls="cards"), more)


def _card(clip: ClipView) -> Html:
    name = el("span", el("b", _episode(clip), cls="whole"), _marks(clip))
    line = el("div", name, el("span", number(clip.return_), cls="return"), cls="line")
    film = el("div", _linked(clip.picture, _alt(clip)), cls="frame")
    return el("figure", film, el("figcaption", line, _details(clip)), cls="card")


def _details(clip: ClipView) -> Html:
    facts: list[Html | str] = [plural(clip.length, "step")]
    if clip.whose:
        facts.append(clip.whose)
    if clip.reason:
        facts.append(clip.reason)
    if clip.data_path:
        facts.append(el("a", "data", href=href(clip.data_path)))
    facts += [el("a", name, href=href(path)) for name, path in clip.others]
    parts = [part for fact in facts for part in (" · ", fact)][1:]
    return join([el("div", parts, cls="dim"), [el("div", note, cls="note") for note in clip.notes]])


def _marks(clip: ClipView) -> Html:
    """Each behind a space, where the line may break."""
    solved = (" ", el("span", "solved", cls="mark")) if clip.solved else None
    return join([solved, None if clip.complete else (" ", el("span", "cut short", cls="mark cut"))])


def _episode(clip: ClipView) -> str:
    return f"Episode {clip.episode:,}"


def _alt(clip: ClipView) -> str:
    return f"Episode {clip.episode}: return {number(clip.return_)}, {plural(clip.length, 'step')}"


def _media(page: RunPage) -> Html | None:
    if not page.media:
        return None
    shown = f"the newest {len(page.media)} of {len(page.media) + page.more_media:,}" if page.more_media else ""
    return _section("Media", shown, el("div", map(_medium, page.media), cls="cards"))


def _medium(medium: MediumView) -> Html:
    caption = el(
        "figcaption",
        el("div", el("b", medium.name), el("span", f"step {medium.step:,}", cls="dim"), cls="line"),
        el("div", medium.caption, cls="dim") if medium.caption else None,
        _links(medium),
    )
    if medium.text is not None:
        markdown = medium.path.endswith(".md")
        return el("figure", el("div", shown_text(medium.text, markdown=markdown), cls="text"), caption, cls="card wide")
    if medium.picture is None:
        return el("figure", caption, cls="card")
    frame = "frame plot" if medium.picture.path.endswith(".svg") else "frame"
    return el("figure", el("div", _linked(medium.picture, medium.name), cls=frame), caption, cls="card")


def _links(medium: MediumView) -> Html | None:
    """To its files, but for those that the picture leads to."""
    if medium.embedded:
        return None
    files = [] if medium.picture is not None else [(medium.path.rpartition(".")[2], medium.path)]
    links = [el("a", name, href=href(path)) for name, path in (*files, *medium.others)]
    parts = [part for link in links for part in (" · ", link)][1:]
    return el("div", parts, cls="dim") if parts else None


def _curves(page: RunPage) -> Html | None:
    """All curves that are not shown above already."""
    above = _hero_curve(page)
    curves = [curve for curve in page.curves if curve is not above]
    if not curves:
        return None
    counts = plural(len(curves), "metric") + (f", {page.more_curves:,} more are not shown" if page.more_curves else "")
    return _section("Curves", counts, el("div", map(_curve, curves), cls="curves"))


def _curve(curve: CurveView) -> Html:
    """The picture, with its name and last value in letters that can be read at any width."""
    alt = f"{curve.metric}: last value {number(curve.last)}"
    source = curve.path if curve.embedded else href(curve.path)
    image = el("img", src=source, alt=alt, loading="lazy", width=960, height=540)
    last = el("span", el("span", "last ", cls="dim"), el("b", number(curve.last)), cls="return")
    caption = el("figcaption", el("div", el("b", curve.metric), last, cls="line"))
    shown = image if curve.embedded else el("a", image, href=href(curve.png_path))
    return el("figure", shown, caption, cls="curve")


def _linked(picture: Picture, alt: str, *, lazy: bool = True) -> Html:
    """A picture that leads to its file, or a film. Its size is said, so that the page does not jump while it loads."""
    link, poster = (path if picture.embedded else href(path) for path in (picture.path, picture.poster))
    if picture.poster:
        # Without preload nothing but the small poster is loaded until somebody wants to see it.
        return el(
            "video", src=link, poster=poster, preload="none", controls="", muted="", loop="",
            playsinline="", width=picture.width_px, height=picture.height_px, aria_label=alt,
        )  # fmt: skip
    image = el(
        "img",
        src=link,
        alt=alt,
        width=picture.width_px,
        height=picture.height_px,
        loading="lazy" if lazy else None,
        cls="small" if picture.width_px < SMALL_PX else None,
    )
    return image if picture.embedded else el("a", image, href=link, style="display: contents")


def _attempts(page: RunPage) -> Html | None:
    """Who wrote the run, where that is more than one process."""
    if len(page.attempts) < 2:
        return None
    names = ("attempt", "writer", "status", "steps", "episodes")
    head = el("tr", [el("th", name, scope="col", cls="right" if name == "episodes" else None) for name in names])
    body = [
        el("tr", el("td", str(row.attempt)), el("td", row.writer),
           el("td", el("span", row.status, cls=f"pill {row.status}")), el("td", _span(row)),
           el("td", f"{row.episodes:,}", cls="right"))
        for row in page.attempts
    ]  # fmt: skip
    table = el("table", el("thead", head), el("tbody", body), cls="list")
    return _section("Attempts", "", el("div", table, cls="scroll"))


def _span(row: AttemptRow) -> str:
    if row.first_step is None or row.last_step is None:
        return "–"
    return f"{row.first_step:,} – {row.last_step:,}"


def _tables(page: RunPage) -> Html | None:
    """What the run was given, beside what came of it."""
    given = _table("Configuration", page.config)
    tables = (_table("Summary", page.summary), _cost(page))
    came = [table for table in tables if table is not None]
    if given is None and not came:
        return None
    return el("div", el("div", given) if given is not None else None, el("div", came) if came else None, cls="tables")


def _results(page: RunPage) -> Html | None:
    """What trainings and evaluations came to, side by side."""
    shown = [_section(results_title(row), "", *results_body(row, alone=page.alone)) for row in page.results]
    return el("div", [el("div", section) for section in shown], cls="tables") if shown else None


def _table(title: str, values: dict[str, object]) -> Html | None:
    rows = flatten(values)
    if not rows:
        return None
    return _rows(title, [(key, value, "") for key, value in rows])


def _cost(page: RunPage) -> Html | None:
    """The time that the training thread spent inside filmlab."""
    blocked = page.blocked
    if not blocked.count:
        return None
    run = page.run
    until = run.finished_wall if run.finished_wall is not None else run.updated_wall
    share = blocked.total_ns / 1e9 / (until - run.created_wall) if until > run.created_wall else math.nan
    total = duration(blocked.total_ns / 1e9)
    if share < 1:
        total += f" ({number(share * 100)} %)" if share >= 0.0001 else " (under 0.01 %)"
    rows = [("calls", f"{blocked.count:,}"), ("in total", total)]
    rows += [(f"p{percent:g}", duration(blocked.percentile_ns(percent) / 1e9)) for percent in (50, 99, 99.9)]
    rows.append(("longest", duration(blocked.max_ns / 1e9)))
    return _rows("Training thread inside filmlab", [(name, value, "right") for name, value in rows])


def _rows(title: str, rows: Iterable[tuple[str, str, str]]) -> Html:
    body = [el("tr", el("th", name, scope="row"), el("td", value, cls=cls or None)) for name, value, cls in rows]
    return _section(title, "", el("div", el("table", body), cls="scroll"))


def _section(title: str, small: str, *children: Html | None) -> Html:
    return el("section", el("header", el("h2", title), el("small", small) if small else None), children)


def _footer(page: RunPage) -> Html:
    made = el("span", "made by filmlab, ", _time(page.made_wall))
    links = [el("span", el("a", name, href=name)) for name in (RUN, HISTORY)] if not page.alone else None
    return el(
        "footer", made, links, el("span", "capture ", el("code", page.run.schedule)) if page.run.schedule else None
    )


def _time(wall: float) -> Html:
    try:
        stamp = datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        stamp = None
    return el("time", moment(wall), datetime=stamp)
