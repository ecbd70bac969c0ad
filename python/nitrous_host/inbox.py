"""Frames in the order in which they came, and reading by whichever thread waits for something while a call keeps the main one."""

from __future__ import annotations

import collections
import threading
from typing import Callable, Union

from nitrous_host import frames
from nitrous_host.connection import Connection

# What `receive` returns or raises.
Received = Union[frames.Frame, None, frames.FrameError, frames.UnreadableMeta]


class Inbox:
    """
    One thread at a time reads; the others wait for it to have read something. `take_now` handles a frame that must not wait for the
    running call, and is False for one that must.
    """

    def __init__(self, connection: Connection, take_now: Callable[[frames.Frame], bool]) -> None:
        self._connection = connection
        self._take_now = take_now
        self._lock = threading.Lock()
        # Told when nobody reads any more; only waiting for it needs the condition, which is slower than its lock.
        self._turn = threading.Condition(self._lock)
        self._sleeping = 0
        self._reading = False
        self._waiting: collections.deque[Received] = collections.deque()
        self.ended = False

    def receive(self) -> frames.Frame | None:
        """The next frame that waits or comes, or None at the end of the connection. Raises FrameError, or UnreadableMeta."""
        received = self._next()
        if isinstance(received, Exception):
            raise received
        return received

    def look(self) -> None:
        """Takes what has come by now, and waits for nothing. Any thread may call it."""
        # Whoever reads sees to it that nothing is left unread.
        if not self._begin_to_read():
            return
        try:
            while not self.ended and self._connection.readable():
                self._keep(self._read())
        finally:
            self._end_reading()

    def has_frame(self) -> bool:
        """Whether something has come by now that `receive` would give, be it the end."""
        self.look()
        with self._lock:
            return self.ended or bool(self._waiting)

    def wait(self, done: Callable[[], bool]) -> bool:
        """
        Reads, or lets another thread read, until `done`, which only becomes true by what a frame says. Any thread may call it; False
        when the connection has ended before.
        """
        while not done():
            with self._lock:
                if done():
                    return True
                if self.ended:
                    return False
                if self._reading:
                    self._sleep()
                    continue
                self._reading = True
            try:
                self._keep(self._read())
            finally:
                self._end_reading()
        return True

    def drop(self, stream: int) -> bool:
        """Takes out the call of a stream; False when none waits."""
        with self._lock:
            waiting = self._call_of(stream)
            if waiting is not None:
                self._waiting.remove(waiting)
            return waiting is not None

    def holds(self, stream: int) -> bool:
        """Whether the call of a stream waits."""
        with self._lock:
            return self._call_of(stream) is not None

    def _call_of(self, stream: int) -> frames.Frame | None:
        for waiting in self._waiting:
            if isinstance(waiting, frames.Frame) and waiting.stream == stream and waiting.type == frames.INFER:
                return waiting
        return None

    def _next(self) -> Received:
        while True:
            with self._lock:
                while self._reading and not self._waiting:
                    self._sleep()
                if self._waiting:
                    return self._waiting.popleft()
                if self.ended:
                    return None
                self._reading = True
            try:
                received = self._read()
                if not isinstance(received, frames.Frame) or not self._take_now(received):
                    return received
            finally:
                self._end_reading()

    def _begin_to_read(self) -> bool:
        with self._lock:
            if self._reading:
                return False
            self._reading = True
            return True

    def _end_reading(self) -> None:
        with self._lock:
            self._reading = False
            if self._sleeping:
                self._turn.notify_all()

    def _sleep(self) -> None:
        """Until the thread that reads has read something, with the lock held before and after."""
        self._sleeping += 1
        self._turn.wait()
        self._sleeping -= 1

    def _keep(self, received: Received) -> None:
        if not isinstance(received, frames.Frame) or not self._take_now(received):
            with self._lock:
                self._waiting.append(received)

    def _read(self) -> Received:
        try:
            frame = self._connection.receive()
        except frames.UnreadableMeta as error:
            return error
        except frames.FrameError as error:
            self.ended = True
            return error
        self.ended = frame is None
        return frame
