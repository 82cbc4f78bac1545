"""Which scripts, styles and pages are there? Loaded once; nothing else can be asked for."""

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

import jinja2

_KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".LICENSE": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, also compressed."""

    kind: str
    data: bytes
    packed: bytes


def load_assets() -> dict[str, Asset]:
    """All of `static/`, by their path below it."""
    out: dict[str, Asset] = {}
    _walk(files(__package__) / "static", "", out)
    return out


def stamp(assets: dict[str, Asset]) -> str:
    """Changes with any of them: part of their addresses, so that browsers may keep them for ever."""
    digest = hashlib.blake2b(digest_size=6)
    for name in sorted(assets):
        digest.update(name.encode() + b"\0" + assets[name].data)
    return digest.hexdigest()


class Pages:
    """The templates."""

    def __init__(self, version: str) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader(__package__, "templates"), autoescape=True, undefined=jinja2.StrictUndefined
        )
        self._version = version

    def render(self, name: str, **values: object) -> bytes:
        """A page; what is given is escaped."""
        return self._environment.get_template(name).render(version=self._version, **values).encode("utf-8", "replace")


def _walk(folder: Traversable, prefix: str, out: dict[str, Asset]) -> None:
    for item in folder.iterdir():
        if item.is_dir():
            _walk(item, f"{prefix}{item.name}/", out)
            continue
        kind = next((kind for end, kind in _KINDS.items() if item.name.endswith(end)), None)
        if kind is not None:
            data = item.read_bytes()
            out[prefix + item.name] = Asset(kind, data, gzip.compress(data, 9, mtime=0))
