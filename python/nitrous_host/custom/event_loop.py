"""Coroutines and async generators of a model's code, in threads that have no event loop of their own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, AsyncGenerator, Coroutine, Iterator

_of_thread = threading.local()


def run_to_end(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """
    The result of a coroutine. The host's main thread keeps one loop for all calls, so that what `load` opened in it can be used
    later.
    """
    loop = getattr(_of_thread, "loop", None)
    if loop is None or loop.is_closed():
        loop = _of_thread.loop = asyncio.new_event_loop()
    return loop.run_until_complete(coroutine)


def drain(answers: AsyncGenerator[Any, None]) -> Iterator[Any]:
    """An async generator as a plain one, with an event loop of its own in the thread that asks for its answers."""
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                yield loop.run_until_complete(answers.__anext__())
            except StopAsyncIteration:
                return
    finally:
        loop.run_until_complete(answers.aclose())
        loop.close()
