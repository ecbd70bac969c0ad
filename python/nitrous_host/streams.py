"""Streaming answers: each runs in a thread of its own, as fast as the server gives credit."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Iterator

from nitrous_host.errors import HostError, from_exception
from nitrous_host.payload import Payload


class Stream:
    """One streaming call. `credit` and `cancel` are called by the thread that reads frames."""

    def __init__(
        self,
        answers: Iterator[Payload],
        credit: int,
        send_chunk: Callable[[Payload], None],
        finish: Callable[[HostError | None, float], None],
    ) -> None:
        self._answers = answers
        self._credit = threading.Semaphore(credit)
        self._cancelled = False
        self._send_chunk = send_chunk
        self._finish = finish
        self._compute_ms = 0.0

    def start(self) -> None:
        threading.Thread(target=self._run, name="stream", daemon=True).start()

    def credit(self, chunks: int) -> None:
        self._credit.release(chunks)

    def cancel(self) -> None:
        """Ends the stream with CANCELLED at the model's next answer, or at once when it waits for credit."""
        self._cancelled = True
        self._credit.release()

    def _run(self) -> None:
        error: HostError | None = None
        try:
            self._pump()
        except (Exception, SystemExit) as exception:
            error = from_exception(exception)
        self._finish(error, self._compute_ms)

    def _pump(self) -> None:
        try:
            while True:
                self._credit.acquire()
                if self._cancelled:
                    raise HostError("CANCELLED", "the call was cancelled")
                answer = self._timed(next, self._answers, None)
                if answer is None:
                    return
                if not self._cancelled:
                    self._send_chunk(answer)
        finally:
            self._timed(self._answers.close)

    def _timed(self, function: Callable[..., Any], *arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            self._compute_ms += (time.perf_counter() - started) * 1000
