"""The host's loop: reads a frame, does what it says, answers. Ordinary calls run one after the other in this thread."""

from __future__ import annotations

import functools
import gc
import os
import platform
import threading
import time
from typing import Any, Callable

from nitrous_host import __version__, frames
from nitrous_host.connection import Connection
from nitrous_host.errors import HostError, from_exception
from nitrous_host.formats import load_model
from nitrous_host.inbox import Inbox
from nitrous_host.model import LoadRequest, Model
from nitrous_host.payload import Call, Payload, read_call, write_members, write_payload
from nitrous_host.replies import Chunk, Reply
from nitrous_host.requests import read_requests, write_answers
from nitrous_host.server_link import ANSWERS, ServerLink, parent
from nitrous_host.streams import Stream

# Calls run one after the other, and the batches of a scheduler grow while one of them does.
CREDIT = 1
# Seconds after which something may have come that makes the next call needless.
LONG_CALL = 0.005


class Host:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = Inbox(connection, self._take_now)
        self._models: dict[int, Model] = {}
        self._link = ServerLink(connection, self._inbox)
        self._streams: dict[int, tuple[int, Stream | Reply]] = {}
        # The ordinary call that runs; 0 is no call's stream.
        self._running = 0
        # Of the calls that run, those that nobody waits for: by stream, and single requests by their place in it.
        self._cancelled: set[int | tuple[int, int]] = set()
        self._handlers: dict[int, Callable[[frames.Frame], None]] = {
            frames.LOAD: self._load,
            frames.INFER: self._infer,
            frames.CANCEL: self._cancel,
            frames.CREDIT: self._credit,
            frames.PING: self._ping,
            frames.CHECK: self._check,
            frames.UNLOAD: self._unload,
        }

    def run(self) -> None:
        """Serves until the connection ends. Raises FrameError when the server sends something else than frames."""
        self._link.calls_thread = threading.get_ident()
        self._send(frames.HELLO, 0, _hello())
        while True:
            self._step()
            try:
                frame = self._inbox.receive()
            except frames.UnreadableMeta as error:
                self._fail(error.stream, HostError("INVALID_ARGUMENT", str(error)))
                continue
            if frame is None:
                return
            handler = self._handlers.get(frame.type)
            if handler is not None:
                handler(frame)

    def _step(self) -> None:
        """Models go on with what they have taken, until something comes that may join it."""
        while True:
            stepping = [model for model in self._models.values() if getattr(model, "has_step", False)]
            if not stepping or self._inbox.has_frame():
                return
            for model in stepping:
                model.step()

    def _take_now(self, frame: frames.Frame) -> bool:
        """Handles what concerns calls that run, pings and checks; also while a call runs, in whichever thread has looked."""
        if frame.type in ANSWERS:
            self._link.take(frame)
            return True
        if frame.type not in (frames.CANCEL, frames.CREDIT, frames.PING, frames.CHECK):
            return False
        self._handlers[frame.type](frame)
        return True

    def _load(self, frame: frames.Frame) -> None:
        def progress(step: str) -> None:
            self._send(frames.PROGRESS, frame.stream, {"step": step})

        try:
            parent.set(frame.stream)
            model = load_model(LoadRequest(**frame.meta, stream=frame.stream, link=self._link), progress)
            # The server asks as soon as it has heard of it, and another thread may read that.
            self._models[frame.stream] = model
            self._connection.send(frames.READY, frame.stream, {"description": model.description})
        except (Exception, SystemExit) as error:
            self._models.pop(frame.stream, None)
            self._fail(frame.stream, from_exception(error))

    def _infer(self, frame: frames.Frame) -> None:
        started = time.perf_counter()
        self._running = frame.stream
        parent.set(frame.stream)
        try:
            model = self._models.get(frame.meta["model"])
            if model is None:
                raise HostError("NOT_FOUND", f"no model has the handle {frame.meta['model']}")
            signature = model.description["methods"].get(frame.meta["method"])
            if signature is None:
                raise HostError("NOT_FOUND", f"the model has no method '{frame.meta['method']}'")
            if signature["streaming"] or "concurrency" in signature:
                self._start_stream(frame, model, signature["streaming"])
                return
            if signature.get("together"):
                members, blobs = self._together(frame, model)
            else:
                members, blobs = write_members(model.infer(self._call_of(frame)))
            self._connection.send(frames.RESULT, frame.stream, b'{%b,"computeMs":%.3f}' % (members, _milliseconds_since(started)), blobs)
        except frames.FrameTooLarge as error:
            self._fail(frame.stream, HostError("RESOURCE_EXHAUSTED", str(error)))
        except (Exception, SystemExit) as error:
            self._fail(frame.stream, from_exception(error))
        finally:
            self._running = 0
            if frame.stream not in self._streams:
                self._cancelled.discard(frame.stream)
            if time.perf_counter() - started > LONG_CALL:
                self._inbox.look()

    def _call_of(self, frame: frames.Frame) -> Call:
        call = read_call(frame.meta, frame.body)
        call.cancelled = functools.partial(self._is_cancelled, frame.stream)
        return call

    def _together(self, frame: frames.Frame, model: Model) -> tuple[bytes, list[frames.Blob]]:
        stream = frame.stream
        requests = read_requests(frame.meta, frame.body, lambda index: functools.partial(self._is_request_cancelled, stream, index))
        try:
            return write_answers(model.infer_together(requests))
        finally:
            if self._cancelled:
                self._cancelled.difference_update([(stream, index) for index in range(len(requests))])

    def _is_request_cancelled(self, stream: int, index: int) -> bool:
        return (stream, index) in self._cancelled or self._is_cancelled(stream) or (stream, index) in self._cancelled

    def _is_cancelled(self, stream: int) -> bool:
        """Whether nobody waits for a call that runs. Its own thread may be the one that reads frames, so it looks for them."""
        if stream not in self._cancelled:
            self._inbox.look()
        return stream in self._cancelled or self._inbox.ended

    def _start_stream(self, frame: frames.Frame, model: Model, streaming: bool = True) -> None:
        """With `streaming` there may be any number of answers; otherwise the first one is the result of a call with one request."""
        started = time.perf_counter()

        def finish(error: HostError | None, compute_ms: float) -> None:
            self._streams.pop(frame.stream, None)
            self._cancelled.discard(frame.stream)
            if error is None:
                if streaming:
                    self._send(frames.END, frame.stream, {"computeMs": round(compute_ms, 3)})
            else:
                self._fail(frame.stream, error)

        def send(chunk: Chunk) -> None:
            meta, blobs = chunk
            if streaming:
                self._connection.send(frames.CHUNK, frame.stream, meta, blobs)
                return
            said = {key: value for key, value in meta.items() if key != "tensors"}
            answer = {"tensors": len(meta["tensors"]), **said}
            meta = {"answers": [answer], "tensors": meta["tensors"], "computeMs": _milliseconds_since(started)}
            self._connection.send(frames.RESULT, frame.stream, meta, blobs)

        credit = frame.meta.get("credit", 0) if streaming else 1
        if hasattr(model, "reply"):
            reply = Reply(credit, self._link, send, lambda error: finish(error, _milliseconds_since(started)))
            (request,) = read_requests(frame.meta, frame.body, lambda _: reply.is_cancelled)
            self._streams[frame.stream] = (frame.meta["model"], reply)
            model.reply(request, reply)
            return
        stream = Stream(model.stream(self._call_of(frame)), credit, lambda payload: send(write_payload(payload)), finish)
        self._streams[frame.stream] = (frame.meta["model"], stream)
        stream.start()

    def _cancel(self, frame: frames.Frame) -> None:
        _, stream = self._streams.get(frame.stream, (0, None))
        if stream is not None:
            self._cancelled.add(frame.stream)
            stream.cancel()
        elif "request" in frame.meta:
            # A call that waits still is begun for the sake of its other requests.
            if frame.stream == self._running or self._inbox.holds(frame.stream):
                self._cancelled.add((frame.stream, frame.meta["request"]))
        elif frame.stream == self._running:
            self._cancelled.add(frame.stream)
        elif self._inbox.drop(frame.stream):
            self._fail(frame.stream, HostError("CANCELLED", "the call was cancelled"))

    def _credit(self, frame: frames.Frame) -> None:
        _, stream = self._streams.get(frame.stream, (0, None))
        if stream is not None:
            stream.credit(frame.meta["chunks"])

    def _ping(self, frame: frames.Frame) -> None:
        self._send(frames.PONG, frame.stream, {})

    def _check(self, frame: frames.Frame) -> None:
        """In a thread of its own: it may take long, or hang."""

        def answer(model: Any) -> None:
            try:
                self._send(frames.RESULT, frame.stream, {"json": model.is_ready(), "computeMs": 0})
            except (Exception, SystemExit) as error:
                self._fail(frame.stream, from_exception(error))

        model = self._models.get(frame.meta["model"])
        if model is None:
            self._fail(frame.stream, HostError("NOT_FOUND", f"no model has the handle {frame.meta['model']}"))
        else:
            threading.Thread(target=answer, args=(model,), name="is_ready", daemon=True).start()

    def _unload(self, frame: frames.Frame) -> None:
        for handle, stream in list(self._streams.values()):
            if handle == frame.stream:
                stream.cancel()
        model = self._models.pop(frame.stream, None)
        if hasattr(model, "close"):
            model.close()
        gc.collect()
        self._send(frames.END, frame.stream, {"computeMs": 0})

    def _fail(self, stream: int, error: HostError) -> None:
        meta = {"code": error.code, "message": error.message}
        if error.detail is not None:
            meta["detail"] = error.detail
        self._send(frames.ERROR, stream, meta)

    def _send(self, kind: int, stream: int, meta: dict[str, Any]) -> None:
        self._connection.send(kind, stream, meta)


def _hello() -> dict[str, Any]:
    return {
        "protocol": frames.PROTOCOL_VERSION,
        "host": "python",
        "version": __version__,
        "language": f"{platform.python_implementation()} {platform.python_version()}",
        "pid": os.getpid(),
        "credit": CREDIT,
    }


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)
