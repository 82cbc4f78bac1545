"""What are a run's prints called? Paths relative to its directory; different things never share one."""

import hashlib
import re

from filmlab.wire.names import file_name
from filmlabd.model import EpisodeRow

PAGE, RUN, HISTORY = "index.html", "run.json", "history.json"
POSTER = ".poster.webp"
"""Behind a clip's stem. No clip ends so: stems end in a number or a writer, and a writer who does is marked."""
_MAIN = "main"
# A writer whose own name has what we put behind and before it could meet another's print.
_LIKE_OURS = re.compile(r"(-|_a|_)\d+$|_\d+_w|\.poster$")


def episode_stem(row: EpisodeRow) -> str:
    """`episodes/episode_000012`, and what tells it from the same episode of another writer, attempt or time."""
    return f"episodes/episode_{row.episode:06d}{_suffix(row)}"


def curve_stem(metric: str) -> str:
    """`curves/episode%2Freturn`."""
    return f"curves/{file_name(metric)}"


def media_stem(row: EpisodeRow) -> str:
    """`media/weights_1200`: the step behind the name."""
    return f"media/{file_name(row.media_name)}_{row.media_step or 0}{_suffix(row)}"


def _suffix(row: EpisodeRow) -> str:
    writer = "" if row.writer == _MAIN else f"_w{_marked(row.writer)}"
    attempt = f"_a{row.attempt}" if row.attempt > 1 else ""
    occurrence = f"-{row.occurrence + 1}" if row.occurrence else ""
    return writer + attempt + occurrence


def _marked(writer: str) -> str:
    """The writer, with a hash behind it where it could be read as another writer and a suffix."""
    if not _LIKE_OURS.search(writer):
        return writer
    return f"{writer}-x{hashlib.blake2b(writer.encode(), digest_size=4).hexdigest()}"
