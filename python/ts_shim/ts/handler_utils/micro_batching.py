"""A batch in smaller ones, each of which is preprocessed while another is inferred: `self.handle = MicroBatching(self, 4)` in a handler."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

HANDLER_METHODS = ["preprocess", "inference", "postprocess"]


class MicroBatching:
    """`parallelism` is the number of threads of each of the three steps, 1 where it says nothing."""

    def __init__(self, parent_handler: Any, micro_batch_size: int = 1, parallelism: dict[str, int] | None = None) -> None:
        self.handler = parent_handler
        self.micro_batch_size = micro_batch_size
        self.thread_local_data = threading.local()
        self._parallelism: dict[str, int] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self.parallelism = parallelism or {}

    @property
    def parallelism(self) -> dict[str, int]:
        return dict(self._parallelism)

    @parallelism.setter
    def parallelism(self, parallelism: dict[str, int]) -> None:
        unknown = sorted(set(parallelism) - set(HANDLER_METHODS))
        if unknown:
            raise ValueError(f"parallelism is for {', '.join(HANDLER_METHODS)}, not {', '.join(unknown)}")
        self._parallelism.update(parallelism)
        self.shutdown()
        self._pools = {step: ThreadPoolExecutor(max(1, self._parallelism.get(step, 1))) for step in HANDLER_METHODS}

    def shutdown(self) -> None:
        for pool in self._pools.values():
            pool.shutdown()
        self._pools = {}

    def get_micro_batch_idx(self) -> int | None:
        """Which part of the batch the calling thread works on."""
        return getattr(self.thread_local_data, "micro_batch_idx", None)

    def handle(self, data: list[Any]) -> list[Any]:
        size = self.micro_batch_size
        values: list[Any] = [data[start : start + size] for start in range(0, len(data), size)]
        for step in HANDLER_METHODS:
            # Each step waits for its own part alone, and so overlaps with the steps before of later parts.
            values = [self._pools[step].submit(self._run, step, index, value) for index, value in enumerate(values)]
        return [answer for part in values for answer in part.result()]

    def _run(self, step: str, index: int, value: Any) -> Any:
        given = value.result() if isinstance(value, Future) else value
        self.thread_local_data.micro_batch_idx = index
        return getattr(self.handler, step)(given)

    def __call__(self, data: list[Any], context: Any) -> Any:
        started = time.perf_counter()
        handler = self.handler
        handler.context = context
        if handler._is_describe():
            answers = [handler.describe_handle()]
        elif handler._is_explain():
            answers = handler.explain_handle(handler.preprocess(data), data)
        else:
            answers = self.handle(data)
        context.metrics.add_time("HandlerTime", round((time.perf_counter() - started) * 1000, 2), None, "ms")
        return answers
