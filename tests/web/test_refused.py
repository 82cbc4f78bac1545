"""What a server that runs refuses, and what its answers forbid the browser."""

import stat

import pytest

from e2e.house import House
from filmlabd.web.guard import POLICY
from filmlabd.web.serve import link_file
from patience import PATIENCE_S
from web.scene import Visitor
from web.site import Site, write_runs

EVIL = "<img src=x onerror=alert(1)>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def lived(house: House) -> Site:
    """A page with a run whose name is markup."""
    write_runs(house, 1, name=EVIL.replace("{", ""))
    return Site(house)


def test_every_answer_is_strict(lived: Site) -> None:
    """Policy, no sniffing, no frames, no address told on, and no way in for other origins."""
    for path in ("/", "/api/runs", "/static/x/dom.js", "/nowhere", "/..", "/prints/run00000/00000000000003e8/1/clip"):
        reply = lived.ask(path)
        assert reply.headers["content-security-policy"] == POLICY
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert not any(name.startswith("access-control") or name == "server" for name in reply.headers)


def test_without_the_token_there_is_only_the_door(lived: Site) -> None:
    """Data answer 401; a browser that comes for a page gets one that shows nothing of anybody's."""
    for path in ("/api/runs", "/api/lab", "/api/events?topic=runs", "/prints/run00000/00000000000003e8/1/clip"):
        for cookie in (None, f"filmlab_{lived.port}=wrong", f"filmlab_1={lived.token}"):
            assert lived.ask(path, cookie=cookie).status == 401
    door = lived.ask("/", cookie=None, accept="text/html")
    assert b"filmlab show" in door.body
    assert b"run00000" not in door.body
    assert lived.ask(f"/?token={lived.token}", cookie=None).status == 401
    assert lived.ask("/api/runs", cookie=None, authorization=f"Bearer {lived.token}").status == 401


def test_entering(lived: Site) -> None:
    """The right token becomes a cookie that scripts cannot read and other sites do not send; a wrong one does not."""
    good = lived.post("/enter", {"token": lived.token}, cookie=None)
    assert good.status == 204
    assert good.headers["set-cookie"] == f"{lived.cookie}; HttpOnly; Path=/; SameSite=strict"
    for document in ({"token": "x"}, {"token": None}, {"token": ["a"]}, {}, [], "token", {"token": ""}):
        bad = lived.post("/enter", document, cookie=None)
        assert bad.status in (400, 403)
        assert "set-cookie" not in bad.headers
    assert lived.post("/enter", {"token": lived.token}, cookie=None, origin="http://evil.example").status == 403


def test_the_link_is_for_its_owner_alone(lived: Site) -> None:
    """Its file is 0600, and gone when the page is."""
    path = link_file(lived.house.paths, lived.port)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert lived.token in path.read_text()
    lived.process.terminate()
    assert lived.process.wait(PATIENCE_S) == 0
    assert not path.exists()


def test_other_hosts_methods_and_origins(lived: Site) -> None:
    """As the rules say, also when it comes over a real connection."""
    assert lived.ask("/", host="evil.example").status == 421
    assert lived.ask("/", host=f"evil.example:{lived.port}").status == 421
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
        assert lived.ask("/api/runs", method).status == 405
    assert lived.ask("/api/runs", "GET", x_http_method_override="DELETE").status == 200
    assert lived.post("/api/runs/run00000/record?_method=GET", {"next": 1}, origin="http://evil.example").status == 403
    assert lived.post("/api/retry", {"key": "x"}, sec_fetch_site="cross-site").status == 403
    assert lived.ask("/api/retry", "POST", b"key=x", content_type="application/x-www-form-urlencoded").status == 415


@pytest.mark.parametrize(
    "path",
    ["/static/x/../../site.py", "/static/x/%2e%2e/%2e%2e/site.py", "/static/x/..%2f..%2fsite.py",
     "/static/x//etc/passwd", "/static/x/....//site.py", "/prints/../../../etc/passwd",
     "/prints/run00000/..%2f..%2f/1/clip",
     "/prints/run00000/00000000000003e8/1/..%2f..%2frun.json", "/prints/run00000/00000000000003e8/1/%2e%2e",
     "/prints/run00000/00000000000003e8/1/index.html", "/prints/run00000/000000000000000g/1/clip",
     "/prints/run00000/00000000000003e8/2/clip", "/prints/run00000/00000000000003e8/99999999999999999999/clip",
     "/prints/run0000/00000000000003e8/1/clip", "/prints/run00000/curve.svg?m=../../../etc/passwd",
     "/prints/run00000/curve.svg?m=..%2f..%2fepisodes%2fepisode_000040", "/prints/run00000/curve.gif?m=x",
     "/prints/run00000/metrics.html", "/runs/..", "/runs/%2e%2e", "/api/runs/nobody", "/api/runs/nobody/episodes"],
)  # fmt: skip
def test_no_way_to_other_files(lived: Site, path: str) -> None:
    """Prints are found by run, session and film; whatever else an address says leads nowhere."""
    assert lived.ask(path).status in (400, 404)


def test_links_and_pipes_are_no_prints(lived: Site) -> None:
    """What lies where a print should be, and is none, is not read."""
    path = lived.house.root / "films" / "run00000" / "episodes" / "episode_000040.gif"
    address = "/prints/run00000/00000000000003e8/1/clip"
    assert lived.ask(address).status == 200
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert lived.ask(address).status == 404
    path.unlink()
    path.mkdir()
    assert lived.ask(address).status == 404


def test_svg_may_do_nothing(lived: Site, visit: object) -> None:
    """A drawing with a script in it is served in a sandbox, and the script does not run."""
    curves = lived.house.root / "films" / "run00000" / "curves"
    curves.mkdir()
    (curves / "episode%2Freturn.svg").write_bytes(SVG)
    reply = lived.ask("/prints/run00000/curve.svg?m=episode/return")
    assert (reply.status, reply.headers["content-type"]) == (200, "image/svg+xml")
    assert reply.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_name_that_is_markup_is_text(lived: Site, visit: "type[Visitor]") -> None:
    """Shown as it was given, in the table and on its page; nothing of it runs."""
    visitor = visit(lived)
    page = visitor.enter()
    page.evaluate("window.alert = () => { document.title = 'hit'; }")
    assert page.get_by_role("link", name=EVIL, exact=True).inner_text() == EVIL
    visitor.go("/runs/run00000")
    assert "hit" not in page.title()
    assert EVIL in page.title()
    assert page.locator("main img[src=x]").count() == 0


def test_ranges(lived: Site) -> None:
    """Films are sought in: a part, a part from the end, and nothing beyond it."""
    address = "/prints/run00000/00000000000003e8/1/clip"
    whole = lived.ask(address).body
    assert lived.ask(address, range="bytes=2-5").body == whole[2:6]
    assert lived.ask(address, range="bytes=-4").body == whole[-4:]
    assert lived.ask(address, range=f"bytes={len(whole)}-").status == 416
    tagged = lived.ask(address).headers["etag"]
    assert lived.ask(address, if_none_match=tagged).status == 304
