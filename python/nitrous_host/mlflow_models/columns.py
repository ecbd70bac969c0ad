"""
Columns of a data frame in the types of a signature. JSON has one kind of number, so its numbers become what the signature says;
tensors have datatypes, which are converted where MLflow's own check does, and only there.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any, Sequence

import numpy
import pandas

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.signature import Column

DTYPES = {"integer": numpy.dtype("int32"), "long": numpy.dtype("int64"), "float": numpy.dtype("float32"), "double": numpy.dtype("float64")}
# Integers up to so many bytes are all numbers of a double.
EXACT_IN_DOUBLE = 4
MOMENTS = "datetime64[ns]"


# What a data frame takes for a column: an array of numbers or booleans, or a series.
Values = Any


def to_values(column: Column, label: str, values: Any) -> Values:
    """A column from a list of JSON values or an array [rows] or [rows, 1]. Raises HostError INVALID_ARGUMENT."""
    if isinstance(values, numpy.ndarray):
        return _from_array(column, label, values)
    if not isinstance(values, list):
        raise HostError("INVALID_ARGUMENT", f"column '{label}' must be a list of values, one for each row")
    return _from_values(column, label, values)


def _from_array(column: Column, label: str, array: numpy.ndarray) -> Values:
    if column.nested:
        return objects_of([_nested(label, element) for element in array.tolist()])
    if array.shape not in ((array.size,), (array.size, 1)):
        raise HostError("INVALID_ARGUMENT", f"column '{label}' has shape {list(array.shape)}; expected [rows] or [rows, 1]")
    flat = array.reshape(-1)
    if (flat.dtype == object) != (column.datatype == "BYTES"):
        raise _unfit(column, label, "text" if flat.dtype == object else str(flat.dtype))
    if flat.dtype == object:
        return _from_elements(column, label, flat.tolist())
    if column.type == "boolean":
        if flat.dtype != bool:
            raise _unfit(column, label, str(flat.dtype))
        return flat
    return _converted(column, label, flat)


def _converted(column: Column, label: str, values: numpy.ndarray) -> numpy.ndarray:
    wanted, given = DTYPES[column.type], values.dtype
    if given == wanted:
        return values
    fits = (
        (given.kind == wanted.kind and given.itemsize <= wanted.itemsize)
        or (given.kind == "u" and wanted.kind == "i" and given.itemsize < wanted.itemsize)
        or (given.kind in "iu" and column.type == "double" and given.itemsize <= EXACT_IN_DOUBLE)
        # What flags look like when a client knows no better.
        or (given == numpy.int64 and wanted.kind == "f" and bool(numpy.isin(values, (0, 1)).all()))
    )
    if not fits:
        raise _unfit(column, label, str(given))
    return values.astype(wanted)


def _from_elements(column: Column, label: str, elements: list[Any]) -> Values:
    """Of a tensor of BYTES, whose elements are text, or bytes where they are not UTF-8."""
    if column.type == "binary":
        return objects_of([element.encode() if isinstance(element, str) else element for element in elements])
    return _from_values(column, label, [_as_text(column, label, element) for element in elements])


def _from_values(column: Column, label: str, values: list[Any]) -> Values:
    if column.nested:
        return objects_of(values)
    if column.type == "string":
        _check(column, label, values, lambda value: isinstance(value, str))
        return pandas.Series(values) if values else pandas.Series(values, dtype=object)
    if column.type == "boolean":
        _check(column, label, values, lambda value: isinstance(value, bool))
        return pandas.Series(values, dtype=object if None in values else bool)
    if column.type == "binary":
        return objects_of([_bytes_of(column, label, value) for value in values])
    if column.type == "datetime":
        return _moments(column, label, values)
    if column.type in ("integer", "long"):
        if None in values:
            message = "whole numbers have no missing values; the signature needs a double where some may be"
            raise HostError("INVALID_ARGUMENT", f"column '{label}' has null in row {values.index(None)}, and its type is {column.type}: {message}")
        limits = numpy.iinfo(DTYPES[column.type])
        _check(column, label, values, lambda value: _is_whole(value) and limits.min <= value <= limits.max)
    else:
        _check(column, label, values, lambda value: isinstance(value, (int, float)) and not isinstance(value, bool))
        values = [math.nan if value is None else value for value in values]
    return numpy.array(values, dtype=DTYPES[column.type])


def _moments(column: Column, label: str, values: list[Any]) -> pandas.Series:
    _check(column, label, values, lambda value: isinstance(value, str))
    try:
        series = pandas.Series(pandas.to_datetime(values, format="ISO8601"))
    except (ValueError, TypeError, OverflowError) as error:
        message = f"column '{label}' has a text that is no ISO date and time, such as 2026-11-21T08:30:00 ({error})"
        raise HostError("INVALID_ARGUMENT", message) from error
    # With several time zones they stay objects.
    if series.dtype.kind == "O" or getattr(series.dtype, "tz", None) is not None:
        raise HostError("INVALID_ARGUMENT", f"column '{label}' has times with a time zone, which MLflow's type datetime has not: leave it out")
    return series.astype(MOMENTS)


def _check(column: Column, label: str, values: Sequence[Any], accepts: Any) -> None:
    """null is a missing value, except where the caller has refused it."""
    for row, value in enumerate(values):
        if value is not None and not accepts(value):
            shown = json.dumps(value, default=str)
            shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
            raise HostError("INVALID_ARGUMENT", f"column '{label}', row {row}: {shown} is no value of the signature's type {column.type}")


def _is_whole(value: Any) -> bool:
    return type(value) is int or (isinstance(value, float) and value.is_integer())


def _bytes_of(column: Column, label: str, value: Any) -> bytes | None:
    """In JSON, bytes are text in base 64, or an object with the key b64."""
    text = value.get("b64") if isinstance(value, dict) else value
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise HostError("INVALID_ARGUMENT", f"column '{label}' is binary, and a value of it is no text in base 64") from error


def _as_text(column: Column, label: str, element: Any) -> str:
    if isinstance(element, str):
        return element
    raise HostError("INVALID_ARGUMENT", f"column '{label}' of the type {column.type} has an element that is not UTF-8 text")


def _nested(label: str, element: Any) -> Any:
    """Elements of BYTES tensors are JSON texts; rows of numbers are lists of them."""
    if not isinstance(element, (str, bytes)):
        return element
    try:
        return json.loads(element)
    except ValueError as error:
        raise HostError("INVALID_ARGUMENT", f"column '{label}' is a list or an object in the signature: its elements must be JSON texts") from error


def objects_of(values: list[Any]) -> pandas.Series:
    """A series of objects, also of lists that are all of one length."""
    array = numpy.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        array[index] = value
    return pandas.Series(array, dtype=object)


def _unfit(column: Column, label: str, given: str) -> HostError:
    message = f"column '{label}' is {given}, which cannot become the signature's type {column.type} without loss; send {column.datatype}"
    return HostError("INVALID_ARGUMENT", message)
