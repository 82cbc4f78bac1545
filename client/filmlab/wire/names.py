"""Which names are allowed where? Ids and writers are safe in paths; free text is clean; a file name is an escape."""

import hashlib
import re
import unicodedata

from filmlab.errors import WireError

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
TEXT_MAX_CHARS = 200
FILE_NAME_MAX_CHARS = 80
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
# Marks that turn the direction of writing: a name with them can look like another one.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


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


def check_text(text: str, what: str) -> str:
    """Free text that `clean_text` would leave alone.

    Raises:
        WireError: it is longer than 200 characters or has control or direction marks.
    """
    if len(text) > TEXT_MAX_CHARS or any(_is_mark(char) for char in text):
        raise WireError(f"{what}: at most {TEXT_MAX_CHARS} characters and no control characters")
    return text


def clean_text(text: str) -> str:
    """Free text as it is stored: NFC, without control and direction marks, at most 200 characters."""
    kept = "".join(char for char in unicodedata.normalize("NFC", text) if not _is_mark(char))
    return kept[:TEXT_MAX_CHARS]


def file_name(text: str) -> str:
    """A name as one component of a path: every byte outside `A-Za-z0-9._-`, and a leading dot, is %XX.

    Never empty, never `.` or `..`; an escape of over 80 characters is cut and ends in a hash of the whole.
    """
    escaped = "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
    if not escaped:
        return "%"
    if escaped.startswith("."):
        escaped = "%2E" + escaped[1:]
    if len(escaped) <= FILE_NAME_MAX_CHARS:
        return escaped
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{escaped[: FILE_NAME_MAX_CHARS - 9]}-{digest}"


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs") or char in _BIDI
