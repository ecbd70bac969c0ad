"""The loop of a host: one frame after the other; only streams run beside it."""

import os
import platform
import socket
import threading
import time
import traceback
from typing import Any, Dict

from . import VERSION, frames
from .connection import Connection
from .errors import CODES, HostError
from .formats import Model, load_model
from .payload import decode_request, encode_answer


class Stream:
    """A call of a streaming method while it runs, in a thread of its own."""

    def __init__(self, credit: int):
        self.credit = threading.Semaphore(credit)
        self.cancelled = threading.Event()

    def cancel(self) -> None:
        self.cancelled.set()
        self.credit.release()


class Host:
    def __init__(self, sock: socket.socket):
        self._connection = Connection(sock)
        self._models: Dict[int, Model] = {}
        self._streams: Dict[int, Stream] = {}

    def run(self) -> None:
        """Until the server is gone."""
        language = f"{platform.python_implementation()} {platform.python_version()}"
        hello = {"protocol": frames.PROTOCOL, "host": "python", "version": VERSION, "language": language, "pid": os.getpid(), "credit": 1}
        try:
            self._connection.send(frames.HELLO, 0, hello)
            while True:
                frame = self._connection.receive()
                if frame is None:
                    return
                self._handle(frame)
        except (BrokenPipeError, ConnectionResetError):
            return

    def _handle(self, frame: frames.Frame) -> None:
        stream, meta = frame.stream, frame.meta
        if frame.type == frames.INFER:
            self._infer(frame)
        elif frame.type == frames.LOAD:
            self._guard(stream, self._load, stream, meta)
        elif frame.type == frames.CANCEL and stream in self._streams:
            self._streams[stream].cancel()
        elif frame.type == frames.CREDIT and stream in self._streams:
            for _ in range(meta["chunks"]):
                self._streams[stream].credit.release()
        elif frame.type == frames.PING:
            self._connection.send(frames.PONG, stream, {})
        elif frame.type == frames.UNLOAD:
            self._models.pop(stream, None)
            self._connection.send(frames.END, stream, {"computeMs": 0})

    def _load(self, stream: int, meta: dict) -> None:
        model = load_model(meta, lambda step: self._connection.send(frames.PROGRESS, stream, {"step": step}))
        self._models[stream] = model
        self._connection.send(frames.READY, stream, {"description": model.description})

    def _infer(self, frame: frames.Frame) -> None:
        model = self._models.get(frame.meta.get("model"))
        if model is None:
            self._fail(frame.stream, HostError("NOT_FOUND", "the host has not loaded this model"))
        elif model.description["methods"][frame.meta["method"]].get("streaming"):
            stream = self._streams[frame.stream] = Stream(frame.meta.get("credit", 1))
            threading.Thread(target=self._guard, args=(frame.stream, self._run_stream, model, frame, stream), daemon=True).start()
        else:
            self._guard(frame.stream, self._answer, model, frame)

    def _answer(self, model: Model, frame: frames.Frame) -> None:
        request = decode_request(frame.meta, frame.blobs)
        started = time.perf_counter()
        answer = model.call(request)
        elapsed = (time.perf_counter() - started) * 1000
        meta, blobs = encode_answer(answer)
        meta["computeMs"] = elapsed
        self._connection.send(frames.RESULT, frame.stream, meta, blobs)

    def _run_stream(self, model: Model, frame: frames.Frame, stream: Stream) -> None:
        started = time.perf_counter()
        chunks = model.stream(decode_request(frame.meta, frame.blobs))
        try:
            for chunk in chunks:
                stream.credit.acquire()
                if stream.cancelled.is_set():
                    raise HostError("CANCELLED", "the call was cancelled")
                self._connection.send(frames.CHUNK, frame.stream, *encode_answer(chunk))
        finally:
            chunks.close()
            self._streams.pop(frame.stream, None)
        self._connection.send(frames.END, frame.stream, {"computeMs": (time.perf_counter() - started) * 1000})

    def _guard(self, stream: int, work: Any, *arguments: Any) -> None:
        """Runs work whose every failure is an answer."""
        try:
            work(*arguments)
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - a model's SystemExit must not end the host either
            self._fail(stream, error)

    def _fail(self, stream: int, error: BaseException) -> None:
        code = getattr(error, "code", None)
        known = isinstance(error, HostError) or (isinstance(code, str) and code in CODES)
        message = str(error) if isinstance(error, HostError) else f"{type(error).__name__}: {error}"
        detail = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._connection.send(frames.ERROR, stream, {"code": code if known else "INTERNAL", "message": message, "detail": detail})
