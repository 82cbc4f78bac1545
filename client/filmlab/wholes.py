"""What is a whole number, of whichever library?"""

import operator
from typing import Any

from filmlab.errors import BadInput
from filmlab.jsonable import as_text
from filmlab.wire.jsonbody import EXACT_MAX


def whole(what: str, value: Any, least: int = 0, most: int = EXACT_MAX) -> int:
    """It as Python's own. Raises BadInput, which says whose it is, unless it is one within these bounds."""
    expected = f"{what}: a whole number from {least}" + (f" to {most}" if most < EXACT_MAX else "")
    try:
        found = operator.index(value)
    except Exception:  # noqa: BLE001  # a stranger's __index__ may raise anything: then it is no number
        raise BadInput(f"{expected}, got {type(value).__name__}") from None
    if isinstance(value, bool) or not least <= found <= most:
        raise BadInput(f"{expected}, got {as_text(value)}")
    return found
