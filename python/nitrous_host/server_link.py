"""What a model asks of the server while it loads or answers, whichever of its threads asks."""

from __future__ import annotations

import collections
import contextvars
import itertools
import threading
import time
from typing import Any, Callable, Sequence

from nitrous_host import frames
from nitrous_host.connection import Connection
from nitrous_host.errors import HostError
from nitrous_host.inbox import Inbox

# Frames that answer a call.
ANSWERS = frozenset({frames.RESULT, frames.CHUNK, frames.END, frames.ERROR})

# Seconds.
LOOK_EVERY = 0.25

# Stream of the call or load for whose sake the model's code runs.
parent: contextvars.ContextVar[int] = contextvars.ContextVar("parent")


class Question:
    """One call of the server and what has come of it. `notify` is called by whichever thread reads, after each frame."""

    def __init__(self, stream: int, notify: Callable[[Question], None] | None) -> None:
        self.stream = stream
        self.answers: collections.deque[frames.Frame] = collections.deque()
        self.over = False
        self._notify = notify

    def take(self, frame: frames.Frame) -> None:
        self.answers.append(frame)
        self.over = frame.type != frames.CHUNK
        if self._notify is not None:
            self._notify(self)


class ServerLink:
    def __init__(self, connection: Connection, inbox: Inbox) -> None:
        self._connection = connection
        self._inbox = inbox
        self._streams = itertools.count(1)
        self._questions: dict[int, Question] = {}
        self._lock = threading.Condition(threading.Lock())
        self._awaited = 0
        self._reader: threading.Thread | None = None
        # In which calls run one after the other.
        self.calls_thread = 0

    def ask(self, meta: dict[str, Any], blobs: Sequence[frames.Blob], fallback: int, notify: Callable[[Question], None] | None = None) -> Question:
        """Asks for the sake of the call that runs, or of `fallback`, a load, where none does. Raises what `frames.encode` raises."""
        question = Question(next(self._streams), notify)
        self._questions[question.stream] = question
        try:
            self._connection.send(frames.CALL, question.stream, {"parent": parent.get(fallback), **meta}, blobs)
        except BaseException:
            del self._questions[question.stream]
            raise
        return question

    def next_answer(self, question: Question) -> frames.Frame:
        """Waits for the next frame. Raises HostError CANCELLED when the connection ends."""
        if not question.answers and not self._inbox.wait(lambda: bool(question.answers)):
            raise HostError("CANCELLED", "the server is gone")
        return question.answers.popleft()

    @property
    def blocks_calls(self) -> bool:
        """Whether who waits in this thread keeps the host from taking its next call."""
        return threading.get_ident() == self.calls_thread

    def cancel(self, question: Question) -> None:
        if not question.over:
            self._connection.send(frames.CANCEL, question.stream, {})

    def allow(self, question: Question, chunks: int) -> None:
        """So many more answers may come."""
        if not question.over:
            self._connection.send(frames.CREDIT, question.stream, {"chunks": chunks})

    def log(self, level: str, message: str) -> None:
        self._connection.send(frames.LOG, 0, {"level": level, "message": message})

    def count(self, change: dict[str, Any]) -> None:
        self._connection.send(frames.STATS, 0, change)

    def take(self, frame: frames.Frame) -> None:
        """Hands a frame of one of these streams to who has asked."""
        question = self._questions.get(frame.stream)
        if question is None:
            return
        if frame.type != frames.CHUNK:
            del self._questions[frame.stream]
        question.take(frame)

    def look(self) -> None:
        """Takes what has come by now."""
        self._inbox.look()

    def look_often(self) -> None:
        """From now on what need not wait for the running call waits no longer than `LOOK_EVERY`."""
        threading.Thread(target=self._look_often, name="look", daemon=True).start()

    def wait(self, done: Callable[[], bool]) -> bool:
        """As the inbox does."""
        return self._inbox.wait(done)

    def await_frames(self) -> None:
        """Until `stop_awaiting`, frames are read although no thread of the model waits for them."""
        with self._lock:
            self._awaited += 1
            if self._reader is None:
                self._reader = threading.Thread(target=self._read, name="frames", daemon=True)
                self._reader.start()
            self._lock.notify()

    def stop_awaiting(self) -> None:
        with self._lock:
            self._awaited -= 1

    def _look_often(self) -> None:
        # A thread that always read would cost each call two switches of threads.
        while not self._inbox.ended:
            time.sleep(LOOK_EVERY)
            self._inbox.look()

    def _read(self) -> None:
        while True:
            with self._lock:
                while self._awaited == 0:
                    self._lock.wait()
            if not self._inbox.wait(lambda: self._awaited == 0):
                return
