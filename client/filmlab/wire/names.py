"""Which names are allowed where? Ids and writers are safe in paths; free text is clean; a file name is an escape."""

import hashlib
import re
import unicodedata

from filmlab.errors import WireError

METRIC_NAME_MAX_BYTES = 200
RUN_METRICS_MAX = 5000
"""Names that one run logs under; further ones are not recorded. Each is a curve to draw again and again."""
SESSION_METRICS_MAX = 4 * RUN_METRICS_MAX
"""The same of all runs of one session together."""
METRIC_VALUES = "metric values"
"""What a Dropped entry calls them."""
NO_ROOM_FOR_NAMES = "no room for more metric names"
"""How the reason of a Dropped entry begins that is about these two."""
ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
TEXT_MAX_CHARS = 200
FILE_NAME_MAX_CHARS = 80
SHORT_ID_MAX_CHARS = 20
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
# Marks that turn the direction of writing, since a name with them can look like another one;
# and U+FFFE and U+FFFF, which are no characters in XML: an SVG with them would not open.
_REFUSED = frozenset("\ufffe\uffff\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_run_id(text: str) -> str:
    """A run's id, unchanged.

    Raises:
        WireError: it is not 1 to 80 of `A-Za-z0-9._-`, beginning with a letter or digit.
    """
    if not ID_PATTERN.fullmatch(text):
        raise WireError(
            f"a run id is 1 to 80 of A-Z a-z 0-9 . _ - and begins with a letter or digit; got {text[:90]!r}"
        )
    return text


def check_writer(text: str) -> str:
    """A writer's name, unchanged. Raises WireError as `check_run_id` does."""
    if not ID_PATTERN.fullmatch(text):
        raise WireError(
            f"a writer is 1 to 80 of A-Z a-z 0-9 . _ - and begins with a letter or digit; got {text[:90]!r}"
        )
    return text


def check_text(text: str, what: str, max_chars: int = TEXT_MAX_CHARS) -> str:
    """Free text, unchanged. What `clean_text` returns passes.

    Args:
        what: names the text in the error.
        max_chars: of characters, not of bytes.

    Raises:
        WireError: it is longer than that or has control or direction marks, lone surrogates or U+FFFE and U+FFFF.
    """
    if len(text) > max_chars or _has_marks(text):
        raise WireError(f"{what}: at most {max_chars} characters, and no control or direction marks")
    return text


def check_metric(name: str) -> str:
    """A metric's name, unchanged. What `clean_metric` returns passes, unless it is empty.

    Raises:
        WireError: it is empty, over 200 bytes of UTF-8, or has what `check_text` refuses.
    """
    if not name or _has_marks(name) or len(name.encode()) > METRIC_NAME_MAX_BYTES:
        raise WireError(f"a metric's name has 1 to {METRIC_NAME_MAX_BYTES} bytes of UTF-8, and no control marks")
    return name


def clean_text(text: str, max_chars: int = TEXT_MAX_CHARS) -> str:
    """Free text as it is stored: NFC, without control and direction marks, at most so many characters."""
    # Cut first, or a text of gigabytes is normalised; composing shortens, so what is left is cut generously.
    kept = "".join(char for char in text[: 8 * max_chars] if not _is_mark(char))
    # A mark between two characters would have kept them from composing: NFC comes after.
    return unicodedata.normalize("NFC", kept)[:max_chars]


def clean_metric(name: str) -> str:
    """A metric's name as it is stored: as `clean_text` does, cut to 200 bytes at a character. May be empty."""
    return clean_text(name).encode()[:METRIC_NAME_MAX_BYTES].decode("utf-8", "ignore")


def file_name(text: str) -> str:
    """A name as one component of a path: every byte outside `A-Za-z0-9._-`, and a leading dot, is %XX.

    Never empty, never `.` or `..`; an escape of over 80 characters is cut and ends in a hash of the whole.
    No two texts share one by design: `%` and `~` come from here only, the hash has 32 bits.
    """
    escaped = "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
    if not escaped:
        return "%"
    if escaped.startswith("."):
        escaped = "%2E" + escaped[1:]
    if len(escaped) <= FILE_NAME_MAX_CHARS:
        return escaped
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{escaped[: FILE_NAME_MAX_CHARS - 9]}~{digest}"


def short_id(run_id: str) -> str:
    """An id as a part of a file name: a long one is cut, with a hash that keeps it apart from others."""
    if len(run_id) <= SHORT_ID_MAX_CHARS:
        return run_id
    digest = hashlib.blake2b(run_id.encode(), digest_size=4).hexdigest()
    return f"{run_id[: SHORT_ID_MAX_CHARS - 9]}-{digest}"


def _has_marks(text: str) -> bool:
    # Plain ASCII is the common case, and settled without a look at each character.
    return not (text.isascii() and text.isprintable()) and any(map(_is_mark, text))


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or char in _REFUSED
