"""Chromium as a decoder: a page that takes clips apart and reports what it saw."""

import base64
import json
import os
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE_S

_PAGE = """<script type="module">
const [clips, films] = CLIPS, seen = {};
try {
  for (const [name, type, data] of clips) {
    const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
    const decoder = new ImageDecoder({data: bytes, type, preferAnimation: true});
    await decoder.tracks.ready;
    await decoder.completed;
    seen[name] = [];
    for (let frameIndex = 0; frameIndex < decoder.tracks.selectedTrack.frameCount; frameIndex++) {
      const {image} = await decoder.decode({frameIndex});
      const pixels = new Uint8Array(image.allocationSize({format: "RGBA"}));
      await image.copyTo(pixels, {format: "RGBA"});
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", pixels));
      seen[name].push([image.duration / 1000, Array.from(hash, b => b.toString(16).padStart(2, "0")).join("")]);
      image.close();
    }
  }
  for (const [name, type, data] of films) {
    const film = document.createElement("video");
    await new Promise((good, bad) => {
      film.onloadeddata = good;
      film.onerror = () => bad(new Error(film.error.message));
      film.src = `data:${type};base64,${data}`;
    });
    seen[name] = [film.videoWidth, film.videoHeight, film.duration];
  }
} catch (error) { seen.error = String(error); }
await fetch("/seen", {method: "POST", body: JSON.stringify(seen)});
</script>"""


def seen(clips: list[tuple[str, str, bytes]], films: list[tuple[str, str, bytes]], profile: Path) -> dict[str, Any]:
    """What a browser makes of named files with their media types.

    Returns:
        For each clip its frames as [duration in ms, SHA-256 of the RGBA pixels]; for each film [width, height, s].
    """
    report: dict[str, Any] = {}
    arrived = threading.Event()
    coded = [[(name, kind, base64.b64encode(data).decode()) for name, kind, data in part] for part in (clips, films)]
    page = _PAGE.replace("CLIPS", json.dumps(coded)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self) -> None:
            report.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *_: object) -> None:
            """Nothing: the test says what went wrong."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        address = f"http://localhost:{server.server_port}/"
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}")
        browser = subprocess.Popen([_found(), *options, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert arrived.wait(PATIENCE_S), "the browser reported nothing"
        finally:
            browser.terminate()
            browser.wait()
            server.shutdown()
            serving.join()
    assert "error" not in report, report["error"]
    return report


def _found() -> str:
    """The browser's path: its absence skips the test on a laptop, and fails it in CI."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None and os.environ.get("CI") != "true":
        pytest.skip("no Chromium here")
    assert path is not None, "Chromium is missing"
    return path
