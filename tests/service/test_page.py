"""The page of a run: what it shows, that it is one valid document, and that nothing in it can become markup."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmlab.latency import Histogram
from filmlab.wire import entries
from filmlabd import facts
from filmlabd.pages.html import el, href, raw, text
from filmlabd.pages.words import flatten, moment, value
from service.document import Document
from service.keeping import RUN, SESSION, begin_episode
from service.studio import Studio, moving

HOSTILE = "<script>alert(1)</script>\"'&\x00\u202e"


def test_media_are_shown_as_what_they_are(studio: Studio) -> None:
    """Texts with their tables, histograms as pictures, the rest as links; nothing in them becomes markup."""
    table = f"# Given\n\n|param|value|\n|-|-|\n|env|{HOSTILE}|\n\nend"
    for name, mime, data in (
        ("given", "text/markdown", table.encode()),
        ("said", "text/plain", HOSTILE.encode() + b"|a|b|"),
        ("page", "text/html", b"<script>alert(1)</script>"),
        ("weights", "application/x-filmlab-histogram+json", b'{"counts": [1, 2], "edges": [0, 1, 2]}'),
    ):
        studio.develop(studio.medium(name, [], mime=mime, data=data))
    studio.develop(studio.page_job())
    page = Document((studio.prints / "index.html").read_text())
    assert {"media/given_7.md", "media/said_7.txt", "media/page_7.html", "media/weights_7.svg"} <= set(page.links())
    assert page.words.count("<script>alert(1)</script>") >= 2
    assert ("th", {"scope": "col"}) in page.tags
    assert not any(tag == "script" for tag, _ in page.tags)
    (studio.prints / "media/given_7.md").unlink()
    studio.develop(studio.page_job())
    assert "media/given_7.md" not in Document((studio.prints / "index.html").read_text()).links()


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    made = Studio(
        tmp_path, metrics=("loss", "a%2F/<b>"), name="walk & <i>run</i>", project="p", group="g", tags=("fast", "<u>"),
        config={"lr": 0.0003, "note": "</style><script>alert(1)</script>", "net": {"sizes": [64, 64]}},
    )  # fmt: skip
    yield made
    made.close()


def page(studio: Studio) -> Document:
    studio.develop(studio.page_job())
    return Document((studio.prints / "index.html").read_text("utf-8"))


def test_shows_what_there_is(studio: Studio) -> None:
    """Clips, media and curves are there, each found at its link; facts and settings stand in words."""
    studio.log({0: 0.5, 1: 2.0}, 3)
    jobs = [studio.episode(0, moving(3), [5.0], reason="cubic", solved=True), studio.episode(8, moving(3), [2.0])]
    jobs += [studio.medium("saliency", moving(1), caption="the last layer")]
    jobs += [studio.curve_job(name) for name in ("loss", "a%2F/<b>", "episode/return")]
    for job in jobs:
        studio.develop(job)
    shown = page(studio)
    images = [attrs for tag, attrs in shown.tags if tag == "img"]
    found = [studio.prints / unquote(attrs["src"] or "") for attrs in images]
    assert all(path.is_file() for path in found)
    assert {path.name for path in found} == {
        "episode_000000.gif", "episode_000008.gif", "saliency_7.png", "loss.svg", "a%252F%2F%3Cb%3E.svg",
        "episode%2Freturn.svg",
    }  # fmt: skip
    assert all(attrs.get("alt") and attrs.get("width") and attrs.get("height") for attrs in images)
    clip = next(attrs for attrs in images if attrs["src"] == "episodes/episode_000000.gif")
    assert (clip["width"], clip["height"]) == ("60", "40")
    for words in ("walk & <i>run</i>", RUN, "running", "Best so far: Episode 0", "return 5", "cubic", "solved",
                  "the last layer", "net.sizes", "[64, 64]", "0.0003"):  # fmt: skip
        assert words in shown.words, words


def test_opens_from_disk_alone(studio: Studio) -> None:
    """No script, no frame, no form; every link is relative, stays below the directory and leads to a file."""
    studio.develop(studio.episode(0, moving(2), [1.0]))
    studio.log({1: 1.0}, 1)
    studio.develop(studio.curve_job("a%2F/<b>"))
    shown = page(studio)
    assert not {tag for tag, _ in shown.tags} & {"script", "iframe", "form", "object", "embed", "base", "link"}
    assert not [name for _, attrs in shown.tags for name in attrs if name.startswith("on")]
    for link in shown.links():
        assert not link.startswith(("/", ".", "#")) and ":" not in link, link
        assert (studio.prints / unquote(link)).exists(), link
    policy = next(attrs for _, attrs in shown.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_nothing_from_outside_becomes_markup(studio: Studio) -> None:
    """Names, notes, reasons, settings and captions with markup in them are shown as they are, as text."""
    evil = "<img src=x onerror=alert(1)>\"'&"
    studio.develop(studio.episode(0, moving(1), [1.0], note=evil, reason=evil))
    studio.develop(studio.medium(evil, moving(1), caption=evil))
    studio.story.say(entries.Dropped(run=1, wall=1.0, what="film", count=1, size_bytes=1, reason=evil))
    studio.story.say(entries.RunUpdate(run=1, wall=1.0, summary={evil: evil, "x": HOSTILE, "deep": {evil: [evil]}}))
    shown = page(studio)
    assert all(attrs["src"] != "x" for tag, attrs in shown.tags if tag == "img")
    assert not [name for _, attrs in shown.tags for name in attrs if name.startswith("on")]
    assert shown.words.count(evil) >= 6
    assert "\u202e" not in shown.words
    assert "\x00" not in shown.words


def test_what_is_missing_is_said(studio: Studio) -> None:
    """Drops, prints that failed and episodes without a clip stand on the page, with their reasons."""
    studio.develop(studio.episode(4, [], [1.0]))
    job = studio.episode(5, moving(1), [1.0])
    studio.story.fact(
        facts.JobStruck(job.key, RUN, "episode", SESSION, job.film, 3, True, "worker killed by signal 11", 1.0)
    )
    studio.story.fact(facts.JobStruck(f"curve:{RUN}:loss", RUN, "curve", 0, 0, 1, False, "the disk is full", 1.0))
    studio.story.say(entries.Dropped(run=1, wall=1.0, what="film", count=2, size_bytes=2_000_000, reason="no memory"))
    why = "no room for more metric names"
    studio.story.say(entries.Dropped(run=1, wall=1.0, what="metric values", count=9000, size_bytes=0, reason=why))
    words = page(studio).words
    assert f"9,000 metric values not handed over: {why}" in words
    assert "2 films not handed over (1.91 MiB): no memory" in words
    assert "Episode 5 could not be made: worker killed by signal 11, given up after 3 tries" in words
    assert "The curve loss could not be made: the disk is full, tried again soon" in words
    assert "Episode 4 has no clip: it has no frames" in words


def test_episode_that_was_cut(studio: Studio) -> None:
    """The clip of a trainer that died is there, marked, and the run says that it crashed."""
    film = studio.shoot(moving(3))
    studio.story.say(begin_episode(film, 7))
    studio.story.cut(film, 7, 3, "its trainer ended")
    studio.develop(studio.film_job(film))
    studio.story.closed("crashed")
    words = page(studio).words
    for part in ("crashed", "Episode 7", "cut short", "its trainer ended"):
        assert part in words, part


def test_run_that_has_only_begun(studio: Studio) -> None:
    """A run without anything yet has a page that says so."""
    words = page(studio).words
    assert "No episode has been kept on film." in words
    assert "0 of 0" not in words
    assert "best return–" in words


def test_clips_still_developing(studio: Studio) -> None:
    """Clips that are on their way are counted."""
    studio.develop(studio.episode(0, moving(1), [1.0]))
    studio.episode(1, moving(1), [1.0])
    assert "1 clip, 1 still developing" in page(studio).words


def test_clip_that_somebody_deleted(studio: Studio) -> None:
    """A print that is gone from the directory is no broken picture on the page."""
    (gif, *_), _ = studio.develop(studio.episode(0, moving(1), [1.0]))
    (studio.prints / gif).unlink()
    assert [attrs for tag, attrs in page(studio).tags if tag == "img"] == []


def test_clips_in_other_formats(tmp_path: Path) -> None:
    """A GIF or WebP is shown as an image, the others are linked; MP4 alone plays behind its poster."""
    pytest.importorskip("av")
    for formats, tag, src, others in (
        (("mp4", "webp", "gif"), "img", "episode_000000.gif", ["episode_000000.webp", "episode_000000.mp4"]),
        (("mp4", "webp"), "img", "episode_000000.webp", ["episode_000000.mp4"]),
        (("mp4",), "video", "episode_000000.mp4", []),
    ):
        studio = Studio(tmp_path / "-".join(formats), formats=formats)
        studio.develop(studio.episode(0, moving(3), [1.0]))
        studio.develop(studio.medium("walk", moving(3)))
        shown = page(studio)
        clips = [attrs for name, attrs in shown.tags if name == tag]
        assert [attrs["src"] for attrs in clips] == [f"episodes/{src}"] * 2 + [f"media/walk_7.{src.rpartition('.')[2]}"]
        assert {(attrs["width"], attrs["height"]) for attrs in clips} == {("60", "40")}
        assert {f"episodes/{other}" for other in others} <= set(shown.links())
        if tag == "video":
            assert {attrs["preload"] for attrs in clips} == {"none"}
            assert all((studio.prints / (attrs["poster"] or "")).is_file() for attrs in clips)
        studio.close()


def test_many_clips(studio: Studio) -> None:
    """With more clips than a page bears, the newest are shown and the rest are counted and linked."""
    for episode in range(63):
        studio.develop(studio.episode(episode, moving(1), [1.0], wall=float(episode)))
    shown = page(studio)
    assert "63 clips, the newest 60 are shown" in shown.words
    assert "episodes/" in shown.links()


def test_time_inside_filmlab(studio: Studio) -> None:
    """What filmlab cost the training thread is told: calls, total, percentiles, the longest."""
    seen = Histogram()
    seen.add([1000] * 99 + [3_000_000])
    studio.story.say(seen.entry(1, 1.0))
    words = page(studio).words
    for part in ("Training thread inside filmlab", "calls100", "in total3.1 ms", "longest3 ms"):
        assert part in words, part


@given(st.text(), st.text())
def test_text_is_never_markup(inside: str, attribute: str) -> None:
    """Any text comes back as one text and one attribute of one element."""
    shown = Document(el("p", inside, title=attribute))
    assert [(tag, list(attrs)) for tag, attrs in shown.tags] == [("p", ["title"])]
    assert shown.words == Document(f"<p>{text(inside)}</p>").words


def test_markup_of_our_own_stays() -> None:
    """Elements nest; None is left out, of children and of attributes; links never become a scheme."""
    assert el("p", el("b", "<"), None, ["a", raw("<br>")], cls="x", id=None) == '<p class="x"><b>&lt;</b>a<br></p>'
    assert (href("javascript:alert(1)"), href("a%2Fb.svg"), href("/etc")) == (
        "javascript%3Aalert%281%29", "a%252Fb.svg", "#",
    )  # fmt: skip


def test_other_words() -> None:
    """Moments and settings in their one form."""
    assert (moment(0), moment(1e300)) == ("–", "–")
    assert (value(0.00031), value(True), value(None), value([1, "a"])) == ("0.00031", "true", "–", "[1, a]")
    assert len(value("x" * 5000)) == 301
    assert value(10**5000).startswith("about 10^")
    assert flatten({"a": {"b": 1, "c": {}}}) == [("a.b", "1"), ("a.c", "{}")]


def test_results_and_attempts(studio: Studio) -> None:
    """What a training came to stands on the page; so does who wrote the run, where that is more than one."""
    assert "Attempts" not in page(studio).words
    said = {"n": 7, HOSTILE: HOSTILE}
    studio.story.say(
        entries.Results(
            run=1, wall=5.0, film=studio.shoot(moving(1)), run_type="training", parts=(("results", 4),), summary=said,
            metadata={"device": "cuda:1"},
        )
    )  # fmt: skip
    studio.story.closed()
    studio.story.open(2, attempt=2, directory=str(studio.prints))
    words = page(studio).words
    assert "Training results" in words and "on their way" in words
    assert "devicecuda:1" in words
    assert "Attemptsattemptwriterstatusstepsepisodes1mainfinished–02mainrunning–0" in words
