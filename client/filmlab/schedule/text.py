"""How is a capture schedule written? Rules joined with `+`, then limits joined with `&`: `every:100+last:1&max:3/h`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from filmlab.errors import BadInput
from filmlab.schedule.ranges import format_ranges, merge_ranges, parse_ranges

TEXT_MAX_CHARS = 4096
"""The wire carries no longer one."""
INDICES_MAX = 10_000
FORMS = "every:N, every:10m (s, m, h), last:N, cubic, at:0,10,20-25, always, never"
LIMIT_FORMS = "max:N/h, max:N"

_PART = re.compile(r"[^+&]+")
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d*)?(?:e-\d{1,2})?)([smh])", re.ASCII)
_UNIT_S = {"s": 1, "m": 60, "h": 3600}


def parse_fields(text: str) -> dict[str, Any]:
    """The arguments for a `CaptureSchedule`, from its text.

    Raises:
        BadInput: the text is no schedule. The message shows the text, with the offending part underlined.
    """
    if len(text) > TEXT_MAX_CHARS:
        raise BadInput(f"a capture schedule has at most {TEXT_MAX_CHARS} characters, got {len(text)}")
    found: dict[str, Any] = {}
    position, joint, count = 0, "", 0
    while True:
        match = _PART.match(text, position)
        part = match[0] if match else ""
        _add_part(found, text, position, part, joint)
        count += 1
        position += len(part)
        if position == len(text):
            break
        if text[position] == "+" and joint == "&":
            raise _error(
                text, position, 1, "limits come last and narrow the whole: unite the rules with + before the &"
            )
        joint = text[position]
        position += 1
    if "never" in found and count > 1:
        raise _error(text, text.index("never"), len("never"), "never stands alone")
    return found


def format_fields(fields: Mapping[str, Any]) -> str:
    """The text for the fields of a `CaptureSchedule`, in one order always."""
    rules = []
    if fields["always"]:
        rules.append("always")
    rules += [f"every:{period}" for period in fields["every_n_episodes"]]
    rules += [f"every:{format_duration(period_s)}" for period_s in fields["every_s"]]
    if fields["last_n_episodes"]:
        rules.append(f"last:{fields['last_n_episodes']}")
    if fields["cubic"]:
        rules.append("cubic")
    if fields["episode_indices"]:
        rules.append(f"at:{format_ranges(merge_ranges((index, index) for index in fields['episode_indices']))}")
    limits = []
    if fields["max_per_hour"] is not None:
        limits.append(f"max:{fields['max_per_hour']}/h")
    if fields["max_total"] is not None:
        limits.append(f"max:{fields['max_total']}")
    if fields["never"]:
        return "never"
    return "&".join(["+".join(rules), *limits] if rules else limits)


def format_duration(duration_s: float) -> str:
    """A duration in the largest unit that it is a whole number of, such as `90s`, `10m`, `2h`, `0.5s`."""
    for unit, size_s in (("h", 3600), ("m", 60), ("s", 1)):
        if duration_s >= size_s and duration_s % size_s == 0:
            return f"{int(duration_s // size_s)}{unit}"
    return f"{duration_s!r}s"


def _add_part(found: dict[str, Any], text: str, position: int, part: str, joint: str) -> None:
    """Read one part into `found`; `joint` is the sign before it, empty for the first."""
    indent = len(part) - len(part.lstrip())
    start, part = position + indent, part.strip()
    name, colon, value = part.partition(":")
    reader = _READERS.get(name)
    if not part:
        raise _error(text, position, 1, f"a rule is missing here; there are {FORMS}; and the limits {LIMIT_FORMS}")
    if reader is None:
        raise _error(text, start, len(name), f"no rule is called so; there are {FORMS}; and the limits {LIMIT_FORMS}")
    is_limit = name == "max"
    if is_limit and joint != "&":
        raise _error(text, start, len(part), "a limit narrows rules: write RULE&max:N, as in always&max:50")
    if not is_limit and joint == "&":
        raise _error(text, start, len(part), f"only a limit stands after &: {LIMIT_FORMS}; rules are united with +")
    if bool(colon) != (name in _WITH_VALUE):
        raise _error(
            text, start, len(part), f"{name} takes {'a value: ' + _WITH_VALUE[name] if not colon else 'no value'}"
        )
    try:
        reader(found, value.strip())
    except BadInput as error:
        raise _error(text, start + len(name) + 1, max(len(part) - len(name) - 1, 1), str(error)) from None


def _read_every(found: dict[str, Any], value: str) -> None:
    if match := _DURATION.fullmatch(value):
        found["every_s"] = (*found.get("every_s", ()), float(match[1]) * _UNIT_S[match[2]])
    else:
        found["every_n_episodes"] = (*found.get("every_n_episodes", ()), _whole(value, _WITH_VALUE["every"]))


def _read_last(found: dict[str, Any], value: str) -> None:
    found["last_n_episodes"] = max(found.get("last_n_episodes", 0), _whole(value, _WITH_VALUE["last"]))


def _read_at(found: dict[str, Any], value: str) -> None:
    ranges = parse_ranges(value)
    if not ranges:
        raise BadInput(f"at takes a value: {_WITH_VALUE['at']}")
    if sum(last - first + 1 for first, last in ranges) > INDICES_MAX:
        raise BadInput(f"at names at most {INDICES_MAX} episodes")
    indices = [index for first, last in ranges for index in range(first, last + 1)]
    found["episode_indices"] = (*found.get("episode_indices", ()), *indices)


def _read_max(found: dict[str, Any], value: str) -> None:
    number, slash, unit = value.partition("/")
    if slash and unit != "h":
        raise BadInput(f"max takes a value: {_WITH_VALUE['max']}")
    key = "max_per_hour" if slash else "max_total"
    found[key] = min(found.get(key, 10**15), _whole(number, _WITH_VALUE["max"]))


def _flag(name: str) -> "Callable[[dict[str, Any], str], None]":
    return lambda found, _value: found.update({name: True})


_WITH_VALUE = {
    "every": "episodes (every:100) or a time with its unit s, m or h (every:10m)",
    "last": "how many of the last episodes (last:1)",
    "at": "episodes and ranges (at:0,10,20-25)",
    "max": "how many in all (max:50) or in an hour (max:3/h)",
}
_READERS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "every": _read_every,
    "last": _read_last,
    "at": _read_at,
    "max": _read_max,
    "cubic": _flag("cubic"),
    "always": _flag("always"),
    "never": _flag("never"),
}


def _whole(value: str, expected: str) -> int:
    if not _WHOLE.fullmatch(value) or int(value) == 0:
        raise BadInput(f"expected {expected}, a whole number from 1")
    return int(value)


def _error(text: str, position: int, length: int, reason: str) -> BadInput:
    """The text with a line of carets below the offending part; only a window of a long one."""
    begin = max(position - 40, 0)
    window = "".join(char if char.isprintable() else "?" for char in text[begin : position + max(length, 1) + 30][:120])
    carets = " " * (position - begin) + "^" * min(max(length, 1), 80)
    return BadInput(f"capture schedule: {reason}\n  {window}\n  {carets}")
