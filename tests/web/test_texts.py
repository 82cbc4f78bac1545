"""Logged texts on the live page: they can be read there; what a program wrote as a page is not served as ours."""

import os
from pathlib import Path

from filmlabd.web.documents import episode_documents
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
