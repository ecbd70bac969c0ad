"""Frames in the order in which they came, and a look at what has come while a call keeps the thread that reads them."""

from __future__ import annotations

import collections
import threading
from typing import Callable, Union

from nitrous_host import frames
from nitrous_host.connection import Connection

# What `receive` returns or raises.
Received = Union[frames.Frame, None, frames.FrameError, frames.UnreadableMeta]


class Inbox:
    """`take_now` handles a frame that must not wait for the running call, and is False for one that must."""

    def __init__(self, connection: Connection, take_now: Callable[[frames.Frame], bool]) -> None:
        self._connection = connection
        self._take_now = take_now
        self._reading = threading.Lock()
        self._waiting: collections.deque[Received] = collections.deque()
        self.ended = False

    def receive(self) -> frames.Frame | None:
        """The next frame that waits or comes, or None at the end of the connection. Raises FrameError, or UnreadableMeta."""
        with self._reading:
            if not self._waiting:
                return self._connection.receive()
            first = self._waiting.popleft()
        if isinstance(first, Exception):
            raise first
        return first

    def look(self) -> None:
        """Takes what has come by now, and waits for nothing. Any thread may call it."""
        # Whoever has the lock sees to it that nothing is left unread.
        if not self._reading.acquire(blocking=False):
            return
        try:
            while not self.ended and self._connection.readable():
                received = self._receive()
                if not isinstance(received, frames.Frame) or not self._take_now(received):
                    self._waiting.append(received)
        finally:
            self._reading.release()

    def drop(self, stream: int) -> bool:
        """Takes out the call of a stream; False when none waits. Only `take_now` may call it."""
        for index, waiting in enumerate(self._waiting):
            if isinstance(waiting, frames.Frame) and waiting.stream == stream and waiting.type == frames.INFER:
                del self._waiting[index]
                return True
        return False

    def _receive(self) -> Received:
        try:
            frame = self._connection.receive()
        except frames.UnreadableMeta as error:
            return error
        except frames.FrameError as error:
            self.ended = True
            return error
        self.ended = frame is None
        return frame
