"""A place to record to for the tests of the client's face: runs against the small daemon, and what it holds of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np
import zstandard

import filmlab
from client.lab import LabDaemon, ModelDaemon, ipc
from filmlab.wire import messages
from filmlab.wire.chunks import CODEC_RAW, Film, blobs, decode_film
from filmlab.wire.entries import Entry, Flush, MetricNames, RecorderAsk, Snapshot, decode_entries
from filmlab.wire.frame import Envelope, Kind
from filmlab.wire.messages import Stream
from patience import PATIENCE_S

EntryT = TypeVar("EntryT", bound=Entry)


class FlushingModel(ModelDaemon):
    """Answers a flush at once, as if every print were there; `reason` makes it a failure."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = ""
        self.answers_flush = True

    def handle(self, envelope: Envelope) -> list[Envelope]:
        answers = super().handle(envelope)
        if envelope.kind is Kind.DATA_C and self.answers_flush:
            for entry in decode_entries(envelope.payload):
                if isinstance(entry, Flush | RecorderAsk) and entry.token:
                    done = messages.Print(entry.run, "flush", not self.reason, reason=self.reason, token=entry.token)
                    answers.append(messages.encode(done, envelope.session))
        return answers


class Studio:
    """The daemon of one test, and what became durable there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.model = FlushingModel()
        self.daemon = LabDaemon(ipc(directory / "run"), self.model)

    def init(self, **options: Any) -> filmlab.Run:
        """A run with everything captured that complains loudly."""
        defaults: dict[str, Any] = {"dir": self.directory / "out", "schedule": "always", "strict": True}
        defaults["close_timeout_s"] = PATIENCE_S
        return filmlab.init(**(defaults | options))

    def run_program(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A Python program in a process of its own, to its end; it finds what this one finds."""
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=self.directory,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def tell(self, message: messages.Message) -> None:
        """Send a message to every session; it is on its way, before anything that is answered later."""
        self.daemon.tell(message)
        self.daemon.wait_for(lambda _: not self.daemon._outside)

    @property
    def sessions(self) -> list[int]:
        return sorted(self.model.known)

    def entries(self, kind: type[EntryT], session: int | None = None) -> list[EntryT]:
        """All durable entries of a kind, in order."""
        found = []
        for number in self.sessions if session is None else [session]:
            for payload in self.model.payloads(number, Stream.C):
                found += [entry for entry in decode_entries(payload) if isinstance(entry, kind)]
        return found

    def points(self) -> list[tuple[int, dict[str, float]]]:
        """(step, values by name) of every snapshot."""
        names = {number: name for entry in self.entries(MetricNames) for number, name in entry.names}
        return [
            (entry.step, {
                names[number]: value
                for number, value in zip(
                    np.frombuffer(entry.ids, "<u4").tolist(), np.frombuffer(entry.values, "<f8").tolist(), strict=True
                )
            })
            for entry in self.entries(Snapshot)
        ]  # fmt: skip

    def films(self) -> dict[int, list[np.ndarray]]:
        """The frames of every film, by its number."""
        return {number: [frame for _, frame in found] for number, found in self._chunks().items()}

    def chunk_seqs(self) -> dict[int, list[int]]:
        """The numbers in stream B of every film's records."""
        return {number: sorted({seq for seq, _ in found}) for number, found in self._chunks().items()}

    def _chunks(self) -> dict[int, list[tuple[int, np.ndarray]]]:
        found: dict[int, list[tuple[int, np.ndarray]]] = {}
        parts: list[bytes] = []
        for session in self.sessions:
            for envelope in self.model.durable[session, Stream.B]:
                film = decode_film(envelope)
                pieces = [bytes(blob) for blob in blobs(film, envelope.payload)]
                if film.parts > 1:
                    parts.append(pieces[0])
                    if film.part + 1 < film.parts:
                        continue
                    pieces, parts = [b"".join(parts)], []
                frames = found.setdefault(film.film, [])
                assert film.first == len(frames)
                frames += [(envelope.seq, _frame(film, piece)) for piece in pieces]
        return found


def _frame(film: Film, blob: bytes) -> np.ndarray:
    if film.codec == CODEC_RAW:
        return np.frombuffer(blob, np.uint8).reshape(film.shape)
    assert zstandard.frame_content_size(blob) == film.frame_bytes
    raw = zstandard.ZstdDecompressor().decompress(blob)
    return np.frombuffer(raw, np.uint8).reshape(film.shape)


@contextmanager
def studio_in(directory: Path) -> Iterator[Studio]:
    """A studio whose variables hold for this process; what is still open at the end is finished."""
    (directory / "run").mkdir()
    studio = Studio(directory)
    variables = {
        "FILMLAB_STATE_DIR": str(directory / "state"),
        "FILMLAB_ENDPOINT": studio.daemon.endpoint,
        "FILMLAB_MODE": "online",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FILMLAB_")}
    with patch.dict(os.environ, kept | variables, clear=True):
        try:
            yield studio
        finally:
            filmlab.finish()
            studio.daemon.kill()
