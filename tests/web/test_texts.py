"""What scripts log, on the live page: texts can be read there, pages of theirs are not ours, sums are as on disk."""

import os
from pathlib import Path

from filmlab.definitions import define
from filmlab.wire.entries import RunUpdate
from filmlabd.web.documents import episode_documents, run_document
from filmlabd.web.prints import open_print, path_of
from service.keeping import RUN
from service.studio import Studio


def test_a_text_can_be_read_and_a_page_is_not_served(tmp_path: Path) -> None:
    """As plain text, whatever is in it; its card leads there."""
    studio = Studio(tmp_path)
    for name, mime in (("said", "text/markdown"), ("page", "text/html")):
        studio.develop(studio.medium(name, [], mime=mime, data=b"<script>"))
    with studio.reader() as reader:
        said, page = reader.episodes(RUN)
    shown, hidden = episode_documents([said, page], [])
    assert (shown["text"].endswith("/md"), shown["clip"], hidden["text"]) == (True, "", "")
    found = open_print(str(studio.prints), path_of(said, "md"))
    assert found is not None
    assert (found.kind, os.read(found.descriptor, 99)) == ("text/plain; charset=utf-8", b"<script>")
    os.close(found.descriptor)
    assert open_print(str(studio.prints), path_of(page, "html")) is None
    studio.close()


def test_what_is_summed_up_is_on_the_live_page_too(tmp_path: Path) -> None:
    """As on the page on disk: `define_metric` was asked for it."""
    studio = Studio(tmp_path, metrics=("loss",))
    studio.story.say(RunUpdate(run=1, wall=1.0, metrics={"loss": define(None, "min,mean", None).to_json()}))
    for step, value in enumerate((3.0, 1.0)):
        studio.log({0: value}, step)
    with studio.reader() as reader:
        assert run_document(reader, reader.run(RUN))["summary"] == [("loss.min", "1.0"), ("loss.mean", "2.0")]
    studio.close()
