"""Triton's datatypes by their names in a model configuration and their numbers in its API, and numpy's."""

from __future__ import annotations

from typing import Any

import numpy

TRITON_STRING_TO_NUMPY = {
    "TYPE_BOOL": bool,
    "TYPE_UINT8": numpy.uint8,
    "TYPE_UINT16": numpy.uint16,
    "TYPE_UINT32": numpy.uint32,
    "TYPE_UINT64": numpy.uint64,
    "TYPE_INT8": numpy.int8,
    "TYPE_INT16": numpy.int16,
    "TYPE_INT32": numpy.int32,
    "TYPE_INT64": numpy.int64,
    "TYPE_FP16": numpy.float16,
    "TYPE_FP32": numpy.float32,
    "TYPE_FP64": numpy.float64,
    "TYPE_STRING": numpy.object_,
}

# By number, from 1 on.
_NUMBERED = [numpy.bool_, *list(TRITON_STRING_TO_NUMPY.values())[1:]]
_NUMBERS = {numpy.dtype(each): number for number, each in enumerate(_NUMBERED, 1)}
BYTES = 13
BF16 = 14


def triton_string_to_numpy(triton_type_string: str) -> Any:
    """Raises KeyError for a name that is none."""
    return TRITON_STRING_TO_NUMPY[triton_type_string]


def triton_to_numpy_type(data_type: int) -> Any:
    """None for a number that numpy has no type for."""
    return _NUMBERED[data_type - 1] if 1 <= data_type <= len(_NUMBERED) else None


def numpy_to_triton_type(data_type: Any) -> int | None:
    """None for a type that Triton has not."""
    try:
        dtype = numpy.dtype(data_type)
    except TypeError:
        return None
    return BYTES if dtype.kind == "S" else _NUMBERS.get(dtype)
