"""Whether the rows of a call are independent, so that requests may share one."""

from __future__ import annotations

from typing import Sequence

import numpy


def is_batchable(
    row_wise: bool, together: dict[str, numpy.ndarray], apart: Sequence[dict[str, numpy.ndarray]], of_largest: float = 0.0
) -> bool:
    """
    `row_wise`: the estimator's kind answers row by row. `together` are the answers by output name for different rows in
    one call, `apart` those for each row in a call of its own. Labels must be equal, floats within a relative 1e-6, or within
    the part `of_largest` of the largest number in the answer.
    """
    return row_wise and all(_same(answer, [alone[name] for alone in apart], of_largest) for name, answer in together.items())


def _same(together: numpy.ndarray, apart: list[numpy.ndarray], of_largest: float) -> bool:
    if any(answer.ndim == 0 or len(answer) != 1 or answer.shape[1:] != together.shape[1:] for answer in apart):
        return False
    joined = numpy.concatenate(apart)
    if together.shape != joined.shape:
        return False
    if together.dtype.kind == "f":
        largest = float(numpy.nanmax(numpy.abs(together), initial=0.0)) if of_largest > 0 else 0.0
        absolute = max(1e-9, of_largest * largest if numpy.isfinite(largest) else 0.0)
        return bool(numpy.allclose(together, joined, rtol=1e-6, atol=absolute, equal_nan=True))
    return bool(numpy.array_equal(together, joined))
