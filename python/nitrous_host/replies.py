"""Answers that code sends whenever it likes and from whichever thread, as fast as the server gives credit for them."""

from __future__ import annotations

import collections
import threading
from typing import Any, Callable, Dict, List, Tuple

from nitrous_host.errors import HostError
from nitrous_host.frames import Blob
from nitrous_host.server_link import ServerLink

# Answers that may wait for credit before whoever sends more is held up.
MOST_WAITING = 256

Chunk = Tuple[Dict[str, Any], List[Blob]]


class Reply:
    """One streaming call. `credit` and `cancel` are called by the thread that reads frames; `send` and `end` by any."""

    def __init__(
        self, credit: int, link: ServerLink, send_chunk: Callable[[Chunk], None], finish: Callable[[HostError | None], None]
    ) -> None:
        self.cancelled = False
        self._credit = credit
        self._link = link
        self._send_chunk = send_chunk
        self._finish = finish
        self._lock = threading.RLock()
        self._waiting: collections.deque[Chunk] = collections.deque()
        # No more will be sent; then None or an error is how it ends.
        self._closed = False
        self._error: HostError | None = None
        self._finished = False

    @property
    def over(self) -> bool:
        """Whatever is sent now is dropped."""
        return self._closed

    def send(self, chunk: Chunk) -> None:
        """Waits for nothing but for room among those that wait for credit. What comes after the end is dropped."""
        with self._lock:
            if self._closed:
                return
            if self._credit > 0 and not self._waiting:
                self._credit -= 1
                self._send_chunk(chunk)
                return
            if not self._waiting:
                self._link.await_frames()
            self._waiting.append(chunk)
        if len(self._waiting) >= MOST_WAITING:
            self._link.wait(lambda: len(self._waiting) < MOST_WAITING)
        else:
            self._link.look()

    def end(self, error: HostError | None = None) -> None:
        """The stream ends when everything before has been sent. Only the first call counts."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._error = error
            self._finish_when_sent()

    def credit(self, chunks: int) -> None:
        with self._lock:
            self._credit += chunks
            while self._waiting and self._credit > 0:
                self._credit -= 1
                self._send_chunk(self._waiting.popleft())
                if not self._waiting:
                    self._link.stop_awaiting()
            if self._closed:
                self._finish_when_sent()

    def cancel(self) -> None:
        """Nobody waits any more: the stream ends now, whatever the code still does."""
        with self._lock:
            self.cancelled = True
            if self._waiting:
                self._waiting.clear()
                self._link.stop_awaiting()
            self._closed = True
            self._error = HostError("CANCELLED", "the call was cancelled")
            self._finish_when_sent()

    def is_cancelled(self) -> bool:
        if not self.cancelled:
            self._link.look()
        return self.cancelled

    def _finish_when_sent(self) -> None:
        if not self._waiting and not self._finished:
            self._finished = True
            self._finish(self._error)
