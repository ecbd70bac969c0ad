"""Methods that take one batch and answer one, in batches of the size that they were written for."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable

from nitrous_host.custom.event_loop import run_to_end
from nitrous_host.errors import HostError


def in_batches(function: Callable[..., Any], size: int, name: str) -> Callable[..., Any]:
    """
    The same function for batches of any size: every list, array and data frame among its arguments is cut alike, the answers are put
    together, and there must be one for each row. Raises HostError.
    """

    @functools.wraps(function)
    def batched(**arguments: Any) -> Any:
        lengths = {len(value) for value in arguments.values() if _is_batch(value)}
        if len(lengths) > 1:
            raise HostError("INVALID_ARGUMENT", f"{name} takes batches, and its inputs have {' and '.join(map(str, sorted(lengths)))} rows")
        rows = next(iter(lengths), 0)
        starts = range(0, rows, size) if rows > size else [0]
        results = [_result_of(function(**{key: _rows(value, start, size) for key, value in arguments.items()})) for start in starts]
        answer = results[0] if len(results) == 1 else _joined(results)
        if _is_batch(answer) and len(answer) != rows:
            raise HostError("INTERNAL", f"{name} answered {len(answer)} rows for a batch of {rows}")
        return answer

    return batched


def _is_batch(value: Any) -> bool:
    return isinstance(value, list) or (hasattr(value, "shape") and len(value.shape) > 0)


def _rows(value: Any, start: int, size: int) -> Any:
    if not _is_batch(value):
        return value
    return value.iloc[start : start + size] if hasattr(value, "iloc") else value[start : start + size]


def _joined(results: list[Any]) -> Any:
    first = results[0]
    if isinstance(first, list):
        return [each for result in results for each in result]
    if hasattr(first, "iloc"):
        import pandas

        return pandas.concat(results)
    import numpy

    return numpy.concatenate([numpy.asarray(result) for result in results])


def _result_of(value: Any) -> Any:
    return run_to_end(value) if inspect.iscoroutine(value) else value
