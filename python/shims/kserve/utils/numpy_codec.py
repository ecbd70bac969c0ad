"""Datatypes of the Open Inference Protocol and numpy's."""

from __future__ import annotations

from typing import Any

import numpy

DTYPES = {
    "BOOL": numpy.bool_,
    "INT8": numpy.int8,
    "INT16": numpy.int16,
    "INT32": numpy.int32,
    "INT64": numpy.int64,
    "UINT8": numpy.uint8,
    "UINT16": numpy.uint16,
    "UINT32": numpy.uint32,
    "UINT64": numpy.uint64,
    "FP16": numpy.float16,
    "FP32": numpy.float32,
    "FP64": numpy.float64,
    "BYTES": numpy.object_,
}


def to_np_dtype(dtype: str) -> Any:
    """None for a datatype that numpy has not."""
    return DTYPES.get(dtype)


def from_np_dtype(np_dtype: Any) -> str | None:
    found = numpy.dtype(np_dtype)
    if found.kind in "OSU":
        return "BYTES"
    return next((name for name, each in DTYPES.items() if found == each), None)
