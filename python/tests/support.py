"""A host at the other end of a socket pair, and the calls that tests make of it."""

from __future__ import annotations

import socket
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any

from nitrous_host import frames
from nitrous_host.connection import Connection
from nitrous_host.host import Host
from nitrous_host.payload import Payload, read_payload, write_payload

TIMEOUT = 30  # seconds


class HostTest(unittest.TestCase):
    """Runs a host in a thread for each test; `self.folder` is an empty folder for models."""

    def setUp(self) -> None:
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.connection = Connection(ours)
        host = Host(Connection(theirs))
        self.thread = threading.Thread(target=host.run, daemon=True)
        self.thread.start()
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.addCleanup(theirs.close)
        self.addCleanup(self.end)
        self.folder = Path(temporary.name)
        self.stream = 0
        self.hello = self.receive()

    def end(self) -> None:
        """Ends the connection and waits for the host's loop."""
        if self.socket.fileno() >= 0:
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(TIMEOUT)
        self.socket.close()

    def receive(self) -> frames.Frame:
        frame = self.connection.receive()
        assert frame is not None, "the host closed the connection"
        return frame

    def open(self, kind: int, meta: dict[str, Any], blobs: list[Any] | None = None) -> int:
        self.stream += 1
        self.connection.send(kind, self.stream, meta, blobs or [])
        return self.stream

    def load(self, format: str, file: Path, example: Path | None = None, trust: str = "none", **meta: Any) -> frames.Frame:
        """The ready or error frame."""
        self.open(
            frames.LOAD,
            {
                "model": "test",
                "version": "1",
                "format": format,
                "file": str(file),
                "directory": str(file.parent),
                "example": None if example is None else str(example),
                "threads": 1,
                "trust": trust,
                **meta,
            },
        )
        while (frame := self.receive()).type == frames.PROGRESS:
            self.assertTrue(frame.meta["step"])
        return frame

    def ready(self, format: str, file: Path, example: Path | None = None, **meta: Any) -> dict[str, Any]:
        """The default method of the description, after a load that must succeed."""
        frame = self.load(format, file, example, **meta)
        self.assertEqual(frame.type, frames.READY, frame.meta)
        self.description = frame.meta["description"]
        self.handle = frame.stream
        return self.description["methods"][self.description.get("defaultMethod", "predict")]

    def send_call(self, payload: Payload, **meta: Any) -> int:
        payload_meta, blobs = write_payload(payload)
        method = self.description.get("defaultMethod", "predict")
        return self.open(frames.INFER, {"model": self.handle, "method": method, **payload_meta, **meta}, blobs)

    def answer(self, kind: str, value: Any, **meta: Any) -> Any:
        """The value of the result of one call."""
        stream = self.send_call(Payload(kind, value), **meta)
        frame = self.receive()
        self.assertEqual((frame.type, frame.stream), (frames.RESULT, stream), frame.meta)
        self.assertGreaterEqual(frame.meta["computeMs"], 0)
        return read_payload(frame.meta, frame.body).value

    def error(self, kind: str, value: Any, **meta: Any) -> dict[str, Any]:
        """The metadata of the error that one call ends with."""
        stream = self.send_call(Payload(kind, value), **meta)
        frame = self.receive()
        self.assertEqual((frame.type, frame.stream), (frames.ERROR, stream), frame.meta)
        return frame.meta

    def chunks(self, kind: str, value: Any, **meta: Any) -> list[Any]:
        """The values of all answers of a streaming call."""
        self.send_call(Payload(kind, value), credit=100, **meta)
        values = []
        while (frame := self.receive()).type == frames.CHUNK:
            values.append(read_payload(frame.meta, frame.body).value)
        self.assertEqual(frame.type, frames.END, frame.meta)
        return values

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path
