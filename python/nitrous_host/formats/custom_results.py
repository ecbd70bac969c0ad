"""What a custom model's `predict` answered, as a payload."""

from __future__ import annotations

import math
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.payload import Payload
from nitrous_host.tensors import numpy

OUTPUT_NAME = "output-0"


def to_payload(result: Any, request_kind: str, outputs: list[str] | None) -> Payload:
    """
    Arrays, and dicts of arrays and lists, as tensors; a list too when the request came as tensors; any other JSON value as it is.
    Raises HostError: INTERNAL for what is none of these, INVALID_ARGUMENT for outputs that the answer has not.
    """
    tensors = _tensors_of(result, lists=request_kind == "tensors")
    if tensors is None:
        return Payload("json", _plain(result))
    if not outputs:
        return Payload("tensors", tensors)
    unknown = [name for name in outputs if name not in tensors]
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"unknown output '{unknown[0]}'; the model answered {', '.join(tensors)}")
    return Payload("tensors", {name: tensors[name] for name in outputs})


def _tensors_of(result: Any, lists: bool) -> dict[str, Any] | None:
    if numpy is None:
        return None
    if not isinstance(result, dict):
        array = _array_of(result, lists)
        return None if array is None else {OUTPUT_NAME: array}
    arrays = {name: _array_of(value, lists=True) for name, value in result.items()}
    if not arrays or any(not isinstance(name, str) or array is None for name, array in arrays.items()):
        return None
    return arrays


def _array_of(value: Any, lists: bool) -> Any:
    """An array of a datatype, or None for what is better sent as JSON."""
    if isinstance(value, numpy.ndarray):
        return value
    if isinstance(value, (list, tuple)):
        return _array_of_list(value) if lists else None
    # Data frames' columns and tensors of other libraries, but no scalars.
    return numpy.asarray(value) if hasattr(value, "__array__") and not isinstance(value, numpy.generic) else None


def _array_of_list(values: Any) -> Any:
    try:
        array = numpy.asarray(values)
    except (ValueError, OverflowError):
        return None
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind in "USO":
        elements = numpy.asarray(values, dtype=object)
        if all(isinstance(element, (str, bytes)) for element in elements.flat):
            return elements
    return None


def _plain(value: Any) -> Any:
    """A JSON value: arrays and tuples as lists, numpy's scalars as Python's, null for NaN and the infinities."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    raise HostError("INTERNAL", f"predict answered a {type(value).__name__}, which is neither an array nor JSON")


def _key(key: Any) -> str:
    if isinstance(key, (str, int)) and not isinstance(key, bool):
        return str(key)
    raise HostError("INTERNAL", f"predict answered an object with a key of type {type(key).__name__}; JSON needs text")
