"""Whatever predict may answer, as a payload: arrays and data frames as tensors, everything else as JSON."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy

from nitrous_host.errors import HostError
from nitrous_host.payload import Payload
from nitrous_host.tensors import datatype_of

DEFAULT_NAME = "predict"


def to_payload(answer: Any, name: str, wanted: list[str] | None = None) -> Payload:
    """
    `name` is that of an answer with one output. A data frame has one output for each of its columns, and a dict one for
    each key. Raises HostError INVALID_ARGUMENT for wanted outputs that the answer has not.
    """
    tensors = _tensors_of(answer, name)
    if tensors is None:
        return Payload("json", to_json(answer))
    if wanted:
        unknown = [output for output in wanted if output not in tensors]
        if unknown:
            raise HostError("INVALID_ARGUMENT", f"unknown output '{unknown[0]}'; the model answers {', '.join(tensors)}")
        tensors = {output: tensors[output] for output in wanted}
    return Payload("tensors", tensors)


def to_json(value: Any) -> Any:
    """JSON values for nested lists and dicts of Python's, numpy's and pandas' values; NaN is null, and a data frame its records."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return to_json(value.to_dict(orient="records"))
    if isinstance(value, dict):
        return {str(key): to_json(element) for key, element in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [to_json(element) for element in value]
    if isinstance(value, (numpy.ndarray, numpy.generic)) or hasattr(value, "to_numpy"):
        return to_json(value.tolist())
    if hasattr(value, "model_dump"):
        return to_json(value.model_dump())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (datetime.date, datetime.time)):
        return None if value != value else value.isoformat()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    raise HostError("INTERNAL", f"the model answered a {type(value).__module__}.{type(value).__qualname__}, which is neither a tensor nor JSON")


def _tensors_of(answer: Any, name: str) -> dict[str, numpy.ndarray] | None:
    """None for what has no form as tensors."""
    if hasattr(answer, "columns") and hasattr(answer, "dtypes"):
        columns = [str(column) for column in answer.columns]
        if len(set(columns)) < len(columns):
            return None
        # Columns that are only counted are one matrix with no names.
        if columns and not any(isinstance(column, str) for column in answer.columns):
            return _each({name: answer.to_numpy()})
        return _each({column: answer.iloc[:, position].to_numpy() for position, column in enumerate(columns)})
    if isinstance(answer, dict):
        return _each({str(key): value for key, value in answer.items()}) if answer else None
    return _each({name: answer})


def _each(values: dict[str, Any]) -> dict[str, numpy.ndarray] | None:
    arrays = {name: _array_of(value) for name, value in values.items()}
    return None if any(array is None for array in arrays.values()) else arrays  # type: ignore[return-value]


def _array_of(value: Any) -> numpy.ndarray | None:
    """An array that has a datatype on the wire; None where there is none."""
    if hasattr(value, "toarray"):
        value = value.toarray()
    elif hasattr(value, "to_numpy"):
        value = value.to_numpy()
    elif isinstance(value, (str, bytes, dict)) or value is None:
        return None
    elif not isinstance(value, (list, tuple, numpy.ndarray, numpy.generic, int, float)) and not hasattr(value, "__array__"):
        return None
    try:
        array = numpy.asarray(value)
        if array.dtype.kind == "M":
            return _moments(array)
        if array.dtype == object:
            array = _of_objects(array)
        datatype_of(array)
    except (HostError, ValueError, TypeError):
        return None
    return array


def _of_objects(array: numpy.ndarray) -> numpy.ndarray:
    """Elements that are lists of one length, or numbers, become an array of numbers; text stays."""
    elements = array.reshape(-1).tolist()
    if elements and all(isinstance(element, (list, tuple, numpy.ndarray)) for element in elements):
        inner = numpy.array(elements)
        return inner.reshape([*array.shape, *inner.shape[1:]])
    if elements and all(isinstance(element, (datetime.datetime, numpy.datetime64)) for element in elements):
        return _moments(array.astype("datetime64[us]"))
    return array


def _moments(array: numpy.ndarray) -> numpy.ndarray | None:
    """ISO texts; None where one is missing, which no tensor can say."""
    if numpy.isnat(array).any():
        return None
    unit = "ns" if (array.astype("datetime64[ns]").astype("int64") % 1000).any() else "us"
    return numpy.datetime_as_string(array.astype(f"datetime64[{unit}]"), unit="s" if _whole_seconds(array) else unit).astype(object)


def _whole_seconds(array: numpy.ndarray) -> bool:
    return bool((array.astype("datetime64[s]") == array).all())
