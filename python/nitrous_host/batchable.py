"""Whether the rows of a call are independent, so that requests may share one."""

from __future__ import annotations

from typing import Sequence

import numpy


def is_batchable(row_wise: bool, together: dict[str, numpy.ndarray], apart: Sequence[dict[str, numpy.ndarray]]) -> bool:
    """
    `row_wise`: the estimator's kind answers row by row. `together` are the answers by output name for different rows in
    one call, `apart` those for each row in a call of its own. Labels must be equal, floats within a relative 1e-6.
    """
    return row_wise and all(_same(answer, [alone[name] for alone in apart]) for name, answer in together.items())


def _same(together: numpy.ndarray, apart: list[numpy.ndarray]) -> bool:
    if any(answer.ndim == 0 or len(answer) != 1 or answer.shape[1:] != together.shape[1:] for answer in apart):
        return False
    joined = numpy.concatenate(apart)
    if together.shape != joined.shape:
        return False
    if together.dtype.kind == "f":
        return bool(numpy.allclose(together, joined, rtol=1e-6, atol=1e-9, equal_nan=True))
    return bool(numpy.array_equal(together, joined))
