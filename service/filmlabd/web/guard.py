"""Which requests are answered at all? Decided before anything is looked up; what is not allowed here is refused."""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

BODY_MAX_BYTES = 64 * 1024
ENTER = "/enter"
STATIC = "/static/"
NOWHERE = "there is no such page"
_FOR_SCRIPTS = ("/api", "/prints", "/static")
POSTS = re.compile(r"/(?:enter|api/runs/[A-Za-z0-9][A-Za-z0-9._-]{0,79}/record|api/retry)", re.ASCII)

_HOST = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{1,5})?", re.ASCII)
# Components of plain characters that do not begin with a dot: nothing is left to decode, and nothing leads upwards.
_COMPONENT = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}"
_PATH = re.compile(rf"/(?:{_COMPONENT}(?:/{_COMPONENT})*)?", re.ASCII)
_ONCE = (b"host", b"origin", b"cookie", b"content-length", b"content-type", b"sec-fetch-site")

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; media-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may look: whoever shows this token in the cookie of this name."""

    token: str
    cookie: str

    def allows(self, shown: str) -> bool:
        """Whether it is the token; takes as long for any wrong one."""
        return hmac.compare_digest(shown.encode(errors="surrogatepass"), self.token.encode())


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered."""

    status: int
    reason: str


def judge(method: str, raw_path: bytes, headers: Iterable[tuple[bytes, bytes]], access: Access) -> Refusal | None:
    """What is wrong with a request, if anything.

    Args:
        raw_path: as it came, without the query.
        headers: names in lower case.
    """
    pairs = list(headers)
    names = [name for name, _ in pairs]
    if any(names.count(name) > 1 for name in _ONCE):
        return Refusal(400, "a header is there twice")
    given = {name: value.decode("latin-1") for name, value in pairs}
    path = raw_path.decode("latin-1")
    if not _HOST.fullmatch(given.get(b"host", "")):
        return Refusal(421, "this page is only for 127.0.0.1, localhost and [::1]")
    if not _PATH.fullmatch(path):
        return Refusal(404, NOWHERE)
    return (
        _judge_method(method, path, given)
        or _judge_origin(method, given)
        or (None if _is_open(path) or _has_token(given, access) else Refusal(401, "open the link of `filmlab show`"))
    )


def _judge_method(method: str, path: str, given: dict[bytes, str]) -> Refusal | None:
    if method in ("GET", "HEAD"):
        return Refusal(405, "to be posted") if path == ENTER else None
    if method != "POST" or not POSTS.fullmatch(path):
        return Refusal(405, "not allowed here")
    length = given.get(b"content-length", "")
    if not (length.isascii() and length.isdigit()) or b"transfer-encoding" in given:
        return Refusal(411, "its length must be said")
    if int(length) > BODY_MAX_BYTES:
        return Refusal(413, "too long")
    if given.get(b"content-type", "").partition(";")[0].strip().lower() != "application/json":
        return Refusal(415, "JSON is expected")
    return None


def _judge_origin(method: str, given: dict[bytes, str]) -> Refusal | None:
    """Pages of other servers, also of other ports of this machine, may neither read nor change anything."""
    site = given.get(b"sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return Refusal(403, "not from another page; type the address")
    origin = given.get(b"origin")
    if origin is None:
        return Refusal(403, "who asks must be said") if method == "POST" else None
    if origin != f"http://{given[b'host']}":
        return Refusal(403, "not from another page")
    return None


def _is_open(path: str) -> bool:
    """What everybody may see: our own scripts and styles, and the door."""
    return path == ENTER or path.startswith(STATIC)


def _has_token(given: dict[bytes, str], access: Access) -> bool:
    found = [value for name, _, value in _cookies(given.get(b"cookie", "")) if name == access.cookie]
    return len(found) == 1 and access.allows(found[0])


def _cookies(text: str) -> Iterable[tuple[str, str, str]]:
    return (part.strip().partition("=") for part in text.split(";"))


def is_page(path: str) -> bool:
    """Whether people come to such an address, or scripts and pictures."""
    return not any(path == start or path.startswith(f"{start}/") for start in _FOR_SCRIPTS)


class Guard:
    """The same, around an ASGI application; every answer carries the headers that keep a browser strict."""

    def __init__(self, app: Any, access: Access, door: bytes, nowhere: bytes) -> None:
        """`door` is the page for whoever comes without the token, `nowhere` that of an address that cannot be."""
        self._app = app
        self._access = access
        self._door = door
        self._nowhere = nowhere

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_strictly(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in HEADERS if pair[0] not in own)]
            await send(message)

        refusal = judge(scope["method"], scope["raw_path"], scope["headers"], self._access)
        if refusal is None:
            await self._app(scope, receive, send_strictly)
            return
        await self._refuse(refusal, scope, send_strictly)

    async def _refuse(self, refusal: Refusal, scope: Any, send: Any) -> None:
        wanted = b"".join(value for name, value in scope["headers"] if name == b"accept")
        looks = scope["method"] == "GET" and b"text/html" in wanted
        door = refusal.status == 401 and looks
        # Both show nothing of anybody's, so that they need no token.
        page = self._door if door else self._nowhere if refusal.status == 404 and looks else None
        body = page if page is not None else f"{refusal.reason}\n".encode()
        kind = b"text/html; charset=utf-8" if page is not None else b"text/plain; charset=utf-8"
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if refusal.status == 405:
            headers.append((b"allow", b"GET, HEAD"))
        # The door is a page like any other, which shows nothing of anybody's; browsers count a 401 as an error.
        status = 200 if door else refusal.status
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})
