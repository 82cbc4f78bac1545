"""What are a recorder's files called?"""

import hashlib
import math
from typing import Any

from filmlab.wire.names import clean_text

_PART_MAX_BYTES = 120
_DIGITS_MAX = 40
"""Of a number in a name; a longer one is written with an exponent."""


def episode_stem(prefix: str, episode: int, reward: Any, average: Any) -> str:
    """`training_episode_0007_reward_-3_avg_12`: both rounded half to even; `nan` and `inf` for what is not finite."""
    return f"{file_part(prefix)}_episode_{int(episode):04d}_reward_{rounded(reward)}_avg_{rounded(average)}"


def rounded(value: Any) -> str:
    """A number as a whole one."""
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    text = str(round(number))
    return text if len(text) <= _DIGITS_MAX else f"{number:.6e}"


def file_part(text: str) -> str:
    """A text as a part of a file's name: as it is, but for what no name can have, or nobody could see, as %XX.

    A metric's name is escaped more strictly, by `wire.names.file_name`; a prefix is the caller's own.
    """
    out = "".join(char if _fits(char) else _escaped(char) for char in text)
    if len(out.encode()) <= _PART_MAX_BYTES:
        return out
    digest = hashlib.blake2b(out.encode(), digest_size=4).hexdigest()
    return f"{out.encode()[:_PART_MAX_BYTES].decode('utf-8', 'ignore')}~{digest}"


def _fits(char: str) -> bool:
    return char != "/" and bool(clean_text(char))


def _escaped(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
