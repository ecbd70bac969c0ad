"""What a custom model's method answered, as a payload."""

from __future__ import annotations

import datetime
import math
from typing import Any

from nitrous_host.custom.hints import ANY, Hint
from nitrous_host.custom.typed_results import OUTPUT_NAME, as_dict, typed_rows, typed_whole
from nitrous_host.errors import HostError
from nitrous_host.payload import Payload
from nitrous_host.tensors import numpy


def to_payload(result: Any, request_kind: str, outputs: list[str] | None, hint: Hint = ANY) -> Payload:
    """
    What the hint says; without one arrays, and dicts of arrays and lists, as tensors, a list too when the request came as tensors, and
    any other JSON value as it is.
    Raises HostError: INTERNAL for what is none of these, INVALID_ARGUMENT for outputs that the answer has not.
    """
    tensors = typed_whole(hint, result)
    if tensors is None:
        tensors = _tensors_of(result, lists=request_kind == "tensors")
    return Payload("json", plain(result)) if tensors is None else Payload("tensors", _chosen(tensors, outputs))


def rows_to_payload(results: list[Any], outputs: list[str] | None, hint: Hint = ANY) -> Payload:
    """
    The results of a method that was called for each row, put together: tensors with a first dimension for the rows where their shapes
    agree, else a JSON list. Raises HostError as `to_payload` does.
    """
    tensors = typed_rows(hint, results)
    if tensors is None and hint.kind == "any":
        tensors = _stacked(results)
    return Payload("json", plain(results)) if tensors is None else Payload("tensors", _chosen(tensors, outputs))


def _chosen(tensors: dict[str, Any], outputs: list[str] | None) -> dict[str, Any]:
    if not outputs:
        return tensors
    unknown = [name for name in outputs if name not in tensors]
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"unknown output '{unknown[0]}'; the model answered {', '.join(tensors)}")
    return {name: tensors[name] for name in outputs}


def _stacked(results: list[Any]) -> dict[str, Any] | None:
    if numpy is None or not results:
        return None
    if not all(isinstance(result, dict) for result in results):
        array = _array_of_list(results)
        return None if array is None else {OUTPUT_NAME: array}
    names = results[0].keys()
    if not names or any(result.keys() != names or not all(isinstance(name, str) for name in result) for result in results):
        return None
    arrays = {name: _array_of_list([result[name] for result in results]) for name in names}
    return None if any(array is None for array in arrays.values()) else arrays


def _tensors_of(result: Any, lists: bool) -> dict[str, Any] | None:
    if numpy is None:
        return None
    if hasattr(result, "columns") and hasattr(result, "to_numpy"):
        result = {str(name): result[name].to_numpy() for name in result.columns}
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


def plain(value: Any) -> Any:
    """
    A JSON value: arrays and tuples as lists, numpy's scalars as Python's, null for NaN and the infinities, dates and times in ISO 8601,
    bytes as the UTF-8 that they hold.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    record = as_dict(value)
    if record is not None:
        return plain(record)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return _text(bytes(value))
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise HostError("INTERNAL", f"it answered a {type(value).__name__}, which is neither an array nor JSON")


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise HostError("INTERNAL", f"it answered bytes that are not UTF-8 ({error}); JSON holds text only") from error


def _key(key: Any) -> str:
    if isinstance(key, (str, int)) and not isinstance(key, bool):
        return str(key)
    raise HostError("INTERNAL", f"it answered an object with a key of type {type(key).__name__}; JSON needs text")
