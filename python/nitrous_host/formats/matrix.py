"""Payloads as one matrix [rows, columns], for models that take numbers without names."""

from __future__ import annotations

from typing import Any, Sequence

import numpy

from nitrous_host.errors import HostError
from nitrous_host.payload import Payload


def to_matrix(payload: Payload, columns: Sequence[str] | None) -> numpy.ndarray:
    """
    One array with the rows of the payload. `columns` are the names that the model knows, for rows that are objects and
    for columnar payloads. Raises HostError INVALID_ARGUMENT.
    """
    if payload.kind == "tensors":
        if len(payload.value) == 1:
            return next(iter(payload.value.values()))
        return _stack(payload.value, columns)
    if payload.kind == "rows":
        return _from_rows(payload.value, columns)
    if payload.kind == "columns":
        arrays = {name: array_of(values) for name, values in payload.value.items()}
        if len(arrays) == 1 and (columns is None or next(iter(arrays)) not in columns):
            return next(iter(arrays.values()))
        return _stack(arrays, columns)
    raise HostError("INVALID_ARGUMENT", "expected rows of numbers")


def array_of(values: Any) -> numpy.ndarray:
    """JSON values as an array: numbers as numpy takes them, anything mixed with text or null as objects."""
    try:
        array = numpy.asarray(values)
    except (ValueError, OverflowError) as error:
        raise HostError("INVALID_ARGUMENT", f"the rows are not rectangular: {error}") from error
    return numpy.asarray(values, dtype=object) if array.dtype.kind == "U" else array


def check_columns(given: Sequence[str], expected: Sequence[str], where: str = "") -> None:
    """Raises HostError INVALID_ARGUMENT that names what is missing and what is unknown."""
    missing = [name for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    if missing:
        raise HostError("INVALID_ARGUMENT", f"missing {_names(missing)}{where}; expected {_names(expected)}, got {_names(given)}")
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"unknown {_names(unknown)}{where}; expected {_names(expected)}")


def _from_rows(rows: list[Any], columns: Sequence[str] | None) -> numpy.ndarray:
    if columns is None or not rows or not isinstance(rows[0], dict):
        return array_of(rows)
    known = set(columns)
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or row.keys() != known:
            given = list(row) if isinstance(row, dict) else []
            check_columns(given, columns, f" in row {index}")
    return array_of([[row[name] for name in columns] for row in rows])


def _stack(arrays: dict[str, numpy.ndarray], columns: Sequence[str] | None) -> numpy.ndarray:
    if columns is None:
        raise HostError("INVALID_ARGUMENT", f"expected one input, got {_names(list(arrays))}")
    check_columns(list(arrays), columns)
    try:
        return numpy.stack([arrays[name].reshape(-1) for name in columns], axis=1)
    except ValueError as error:
        raise HostError("INVALID_ARGUMENT", f"the columns do not have the same number of rows: {error}") from error


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "nothing"
