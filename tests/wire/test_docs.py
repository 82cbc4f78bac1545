"""docs/wire.md says everything that the wire has, nothing that it has not, and the same numbers."""

import ast
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from filmlab.wire import (
    chunks,
    columns,
    entries,
    episode_entries,
    frame,
    head,
    jsonbody,
    messages,
    meta,
    names,
    recorder_entries,
    results_entries,
    run_entries,
    sums,
)
from filmlab.wire.chunks import Film
from filmlab.wire.columns import DTYPES
from filmlab.wire.entries import EntryType
from filmlab.wire.frame import Kind
from filmlab.wire.head import Head
from wire.samples import ENTRY_TYPES, MESSAGE_TYPES

TEXT = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
MODULES = (
    chunks, columns, entries, episode_entries, frame, head, jsonbody, messages, meta, names, recorder_entries,
    results_entries, run_entries, sums,
)  # fmt: skip
NOT_LIMITS = {
    "CODEC_RAW",
    "CODEC_ZSTD",
    "DTYPE_U8",
    "HEADER_BYTES",
    "JSON_COLUMN",
    "NO_EPISODE",
    "NO_STEP",
    "PROTOCOL",
    "WAITING",
}
"""Numbers of the format. The sections of records, entries and chunks tell them."""
_NAMED = re.compile(r"\**`([^`]+)`\**")


def rows(title: str) -> dict[str, list[str]]:
    """The tables right under a heading: cells behind the first, by the name in the first."""
    section = re.split(rf"^#+ {re.escape(title)}$", TEXT, maxsplit=1, flags=re.MULTILINE)[1]
    out: dict[str, list[str]] = {}
    for line in re.split(r"^#", section, maxsplit=1, flags=re.MULTILINE)[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []
        named = _NAMED.match(cells[0]) if cells else None
        if named:
            assert named[1] not in out, f"{title} says {named[1]} twice"
            out[named[1]] = cells
    return out


def limits(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The public numbers that a module itself sets, not those that it imports."""
    for node in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        for name in (item.id for target in targets for item in ast.walk(target) if isinstance(item, ast.Name)):
            if name.isupper() and not name.startswith("_") and isinstance(getattr(module, name), int | float):
                yield name, getattr(module, name)


def test_every_kind_has_a_line() -> None:
    """With its number."""
    assert {name: int(cells[1]) for name, cells in rows("Kinds").items()} == {kind.name: kind.value for kind in Kind}


def test_every_entry_has_a_line() -> None:
    """With its number."""
    documented = {name: int(cells[1]) for name, cells in rows("Stream C: entries").items() if cells[1].isdigit()}
    assert documented == {kind.name: kind.value for kind in EntryType}


@pytest.mark.parametrize("cls", [*MESSAGE_TYPES, Film], ids=lambda cls: cls.__name__)
def test_every_field_in_meta_has_a_line(cls: type[Any]) -> None:
    """With its type, bold where it is needed and with its default where not."""
    documented = rows(cls.KIND.name if cls is not Film else "Film")
    assert set(documented) == {item.name for item in fields(cls)}
    kinds = {int: "whole", float: "number", str: "text", bool: "yes or no"}
    for item in fields(cls):
        first, kind = documented[item.name][:2]
        assert kind == kinds[item.type]
        if item.default is MISSING:
            assert first == f"**`{item.name}`**"
        else:
            said = first.removeprefix(f"`{item.name}` = ").replace("−", "-")
            assert item.default == (said.strip('"') if item.type is str else int(said, 0))


@pytest.mark.parametrize("cls", ENTRY_TYPES, ids=lambda cls: cls.__name__)
def test_every_field_of_an_entry_has_a_line(cls: type[Any]) -> None:
    """In the entry's own section; those of the head are told once for all."""
    own = {item.name for item in fields(cls)} - {item.name for item in fields(Head)}
    assert set(rows(cls.TYPE.name)) == own


def test_the_head_and_the_dtypes_are_told() -> None:
    """In the section of entries, in their order."""
    section = TEXT.split("## Stream C: entries")[1]
    assert all(f"`{item.name}`:" in section for item in fields(Head))
    assert " ".join(f"`{dtype}`" for dtype in DTYPES) in section


def test_every_range_has_a_line() -> None:
    """With both its ends."""
    documented = {name: (int(cells[1]), int(cells[2])) for name, cells in rows("Ranges").items()}
    assert documented == meta.RANGES


def test_every_limit_has_a_line() -> None:
    """With its value, under the module that sets it; a constant that is no limit is named above."""
    documented = {name: float(cells[1]) if "." in cells[1] else int(cells[1]) for name, cells in rows("Limits").items()}
    found = {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in MODULES
        for name, value in limits(module)
        if name not in NOT_LIMITS
    }
    assert documented == found
