"""The event loop of a model with asynchronous code: one for all of its calls and streams, as in its own server."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import weakref
from typing import Any, AsyncIterator, Awaitable, Iterator


class EventLoop:
    """
    Runs in a thread of its own, so that streams go on beside calls, and ends with the model that holds it. Context variables are
    those of the thread that made it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._context = contextvars.copy_context()
        threading.Thread(target=_run, args=[self._loop], name="event-loop", daemon=True).start()
        weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """The result, or what it raises."""
        future = self._context.copy().run(asyncio.run_coroutine_threadsafe, _guarded(awaitable), self._loop)
        return future.result()

    def result_of(self, value: Any) -> Any:
        """The value, which is waited for when it is awaitable."""
        return self.run(value) if inspect.isawaitable(value) else value

    def iterate(self, answers: Any) -> Iterator[Any]:
        """The items of a plain or an asynchronous iterator. Closing it closes that."""
        if not hasattr(answers, "__anext__"):
            try:
                yield from answers
            finally:
                if hasattr(answers, "close"):
                    answers.close()
            return
        end = object()
        try:
            while (item := self.run(_next_of(answers, end))) is not end:
                yield item
        finally:
            if hasattr(answers, "aclose"):
                self.run(answers.aclose())


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _next_of(answers: AsyncIterator[Any], end: object) -> Any:
    # A StopAsyncIteration may not leave a coroutine that somebody waits for.
    try:
        return await answers.__anext__()
    except StopAsyncIteration:
        return end


async def _guarded(awaitable: Awaitable[Any]) -> Any:
    try:
        return await awaitable
    except SystemExit as error:
        # It would end the loop, and all later calls would wait for ever.
        raise RuntimeError(f"the model's code ended itself with status {error.code!r}") from error
