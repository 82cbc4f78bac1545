"""Which requests are answered: the rules, one by one, without a server."""

import pytest

from filmlabd.web.guard import Access, judge

ACCESS = Access("right", "filmlab_80")
GOOD = {b"host": b"127.0.0.1:80", b"cookie": b"filmlab_80=right"}
POST = GOOD | {b"origin": b"http://127.0.0.1:80", b"content-type": b"application/json", b"content-length": b"2"}
RETRY = b"/api/retry"


def status(method: str, path: bytes, headers: dict[bytes, bytes], *more: tuple[bytes, bytes]) -> int:
    """0 where the request is let through."""
    found = judge(method, path, [*headers.items(), *more], ACCESS)
    return found.status if found is not None else 0


def test_what_the_page_itself_asks_for() -> None:
    """With host, token and a plain path everything that reads is let through."""
    for path in (b"/", b"/runs/a.b-c_9", b"/prints/r/0000000000000001/3/poster", b"/prints/r/metrics.csv"):
        assert status("GET", path, GOOD) == status("HEAD", path, GOOD) == 0
    assert status("GET", b"/", GOOD | {b"sec-fetch-site": b"none"}) == 0
    assert status("POST", RETRY, POST | {b"sec-fetch-site": b"same-origin"}) == 0


@pytest.mark.parametrize("host", [b"localhost", b"localhost:9", b"[::1]:8760", b"127.0.0.1"])
def test_hosts_of_this_machine(host: bytes) -> None:
    """Any port: `ssh -L` changes it."""
    assert status("GET", b"/", GOOD | {b"host": host}) == 0


@pytest.mark.parametrize(
    "host",
    [b"", b"evil.example", b"evil.example:80", b"127.0.0.1.evil.example", b"127.0.0.1:80@evil", b"0.0.0.0",
     b"127.0.0.2", b"LOCALHOST", b"localhost:", b"localhost:123456", b"[::1", b"::1", b" 127.0.0.1",
     b"127.0.0.1\n", b"169.254.169.254"],
)  # fmt: skip
def test_other_hosts(host: bytes) -> None:
    """A name that somebody lets point here (DNS rebinding) is not ours."""
    assert status("GET", b"/", GOOD | {b"host": host}) == 421
    assert status("GET", b"/", {b"cookie": GOOD[b"cookie"]}) == 421


@pytest.mark.parametrize(
    "path",
    [b"/..", b"/../", b"/static/../x", b"/static/..", b"/%2e%2e/", b"/%2e./x", b"/..%2fx", b"/%252e%252e/x", b"/a%00b",
     b"/a\\..\\b", b"/..;/x", b"//etc", b"/./x", b"/.git/config", b"/a//b", b"/a/", b"/%c0%ae%c0%ae/", b"/a b", b"/a\n",
     b"/\xc0\xae", b"x", b"", b"http://127.0.0.1/", b"/a?b", b"/a#b", b"/~root", b"/a%2Fb"],
)  # fmt: skip
def test_paths_that_lead_elsewhere(path: bytes) -> None:
    """Nothing is decoded, and nothing that could be decoded into something else is looked up."""
    assert status("GET", path, GOOD) == 404


@pytest.mark.parametrize(
    "cookie",
    [b"", b"filmlab_80=", b"filmlab_80=wrong", b"filmlab_80=righ", b"filmlab_80=right1", b"filmlab_81=right",
     b"FILMLAB_80=right", b"filmlab_80=right; filmlab_80=wrong", b"filmlab_80=\xff", b"x=filmlab_80=right"],
)  # fmt: skip
def test_wrong_tokens(cookie: bytes) -> None:
    """Whoever does not show the token sees nothing but the door."""
    assert status("GET", b"/", GOOD | {b"cookie": cookie}) == 401
    assert status("POST", RETRY, POST | {b"cookie": cookie}) == 401
    assert status("GET", b"/static/x/y.js", GOOD | {b"cookie": cookie}) == 0


@pytest.mark.parametrize(
    "method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "Post", "POST ", "PROPFIND", ""]
)
def test_methods(method: str) -> None:
    """Only what is allowed; not: everything but what is forbidden."""
    assert status(method, b"/api/runs", POST) == 405
    assert status(method, RETRY, POST) == 405


def test_posts_go_where_they_may() -> None:
    """Nothing else can be posted to, and what is posted to is not read."""
    for path in (
        b"/",
        b"/api/runs",
        b"/api/runs/a/record/x",
        b"/api/runs//record",
        b"/prints/a/1/1/clip",
        b"/api/retry/",
    ):
        assert status("POST", path, POST) in (404, 405)
    assert status("POST", b"/api/runs/a/record", POST) == 0
    assert status("GET", b"/enter", GOOD) == 405


@pytest.mark.parametrize(
    "origin",
    [b"http://evil.example", b"null", b"http://127.0.0.1:81", b"https://127.0.0.1:80", b"http://localhost:80", b""],
)  # fmt: skip
def test_other_origins(origin: bytes) -> None:
    """Pages of other servers, also those of other ports of this machine, neither read nor change."""
    assert status("POST", RETRY, POST | {b"origin": origin}) == 403
    assert status("GET", b"/", GOOD | {b"origin": origin}) == 403


def test_posts_say_who_they_are_from() -> None:
    """No origin, another site, a form's content type, no length or too much of it."""
    assert status("POST", RETRY, {name: value for name, value in POST.items() if name != b"origin"}) == 403
    for site in (b"cross-site", b"same-site", b"", b"SAME-ORIGIN"):
        assert status("POST", RETRY, POST | {b"sec-fetch-site": site}) == 403
        assert status("GET", b"/", GOOD | {b"sec-fetch-site": site}) == 403
    for kind in (b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data", b""):
        assert status("POST", RETRY, POST | {b"content-type": kind}) == 415
    for length in (b"", b"-1", b"1e3", b"0x10"):
        assert status("POST", RETRY, POST | {b"content-length": length}) == 411
    assert status("POST", RETRY, POST | {b"transfer-encoding": b"chunked"}) == 411
    assert status("POST", RETRY, POST | {b"content-length": b"9999999"}) == 413


@pytest.mark.parametrize("name", [b"host", b"origin", b"cookie", b"content-length", b"sec-fetch-site"])
def test_headers_that_are_there_twice(name: bytes) -> None:
    """Two readers could each believe another one."""
    assert status("POST", RETRY, POST | {b"sec-fetch-site": b"same-origin"}, (name, b"x")) == 400
