"""What does an answer over HTTP look like? JSON, pages and files, compressed where that helps."""

import gzip
import os
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from filmlab.errors import BadInput
from filmlabd.json_text import dump
from filmlabd.web.prints import SANDBOX, Found, parse_range

COMPRESS_MIN_BYTES = 1400
_PIECE_BYTES = 256 * 1024
_FOR_EVER = "private, max-age=31536000, immutable"


def json_answer(request: Request, document: Any, status: int = 200) -> Response:
    """A document, or JSON that is bytes already."""
    data = document if isinstance(document, bytes) else dump(document).encode()
    return packed(request, data, "application/json", status)


def packed(request: Request, data: bytes, kind: str, status: int = 200) -> Response:
    """Text of some kind, compressed if the browser takes that. Call it in a thread: compressing takes time."""
    headers = {"cache-control": "no-store", "vary": "accept-encoding"}
    if len(data) >= COMPRESS_MIN_BYTES and takes_gzip(request):
        data = gzip.compress(data, 4, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(data, status, headers, kind)


def takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def trouble(status: int, reason: str) -> Response:
    """What could not be answered, in words, as JSON."""
    return Response(dump({"error": reason}).encode(), status, {"cache-control": "no-store"}, "application/json")


def file_answer(request: Request, found: Found, name: str = "") -> Response:
    """A file, or the part of it that was asked for; `name`: to be saved under that."""
    headers = {"etag": found.etag, "accept-ranges": "bytes"}
    # Its address changes when it is made again.
    headers["cache-control"] = _FOR_EVER if "v" in request.query_params else "private, no-cache"
    if found.kind == "image/svg+xml":
        headers["content-security-policy"] = SANDBOX
    if name:
        headers["content-disposition"] = f'attachment; filename="{name}"'
    if request.headers.get("if-none-match") == found.etag:
        os.close(found.descriptor)
        return Response(None, 304, headers)
    try:
        part = parse_range(request.headers.get("range", ""), found.size_bytes)
    except BadInput:
        os.close(found.descriptor)
        return Response(None, 416, headers | {"content-range": f"bytes */{found.size_bytes}"})
    start, stop = part or (0, found.size_bytes)
    headers["content-length"] = str(stop - start)
    if part is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{found.size_bytes}"
    status = 206 if part is not None else 200
    if request.method == "HEAD" or stop - start <= _PIECE_BYTES:
        try:
            body = b"" if request.method == "HEAD" else os.pread(found.descriptor, stop - start, start)
        finally:
            os.close(found.descriptor)
        return Response(body, status, headers, found.kind)
    return StreamingResponse(_pieces(found.descriptor, start, stop), status, headers, found.kind)


def _pieces(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    try:
        while start < stop:
            data = os.pread(descriptor, min(_PIECE_BYTES, stop - start), start)
            if not data:
                return
            yield data
            start += len(data)
    finally:
        os.close(descriptor)
