"""Payloads in the form that a Python function takes: a data frame by columns, one array, arrays by name, or a list."""

from __future__ import annotations

import logging
from typing import Any, Sequence

import numpy
import pandas

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.columns import to_values
from nitrous_host.mlflow_models.signature import Column, Signature
from nitrous_host.mlflow_models.tensor_inputs import to_arrays
from nitrous_host.payload import Payload

LOG = logging.getLogger(__name__)


def to_input(payload: Payload, signature: Signature) -> Any:
    """What to give to predict. Raises HostError INVALID_ARGUMENT for what the signature does not allow."""
    if signature.from_hints:
        return _as_list(payload)
    if signature.columns:
        return _to_frame(payload, signature.columns)
    if signature.tensors:
        return to_arrays(payload, signature.tensors)
    return _without_signature(payload)


def label_of(column: Column, position: int) -> str:
    """The name of an input of the model."""
    return column.name if column.name is not None else f"input-{position}"


def to_matrix(payload: Payload, signature: Signature) -> numpy.ndarray:
    """The columns of a signature that are all numbers, without their names. Raises HostError INVALID_ARGUMENT."""
    return numpy.stack(list(_columns(payload, signature.columns).values()), axis=1)


def _to_frame(payload: Payload, columns: Sequence[Column]) -> pandas.DataFrame:
    return pandas.DataFrame(_columns(payload, columns))


def _columns(payload: Payload, columns: Sequence[Column]) -> dict[Any, Any]:
    """Values of each column of the signature that is given, in its order, by name or by position."""
    named = columns[0].name is not None
    labels = [label_of(column, position) for position, column in enumerate(columns)]
    given = _given(payload, columns, labels)
    missing = [label for column, label in zip(columns, labels) if column.required and label not in given]
    extra = [name for name in given if name not in labels]
    if missing:
        also = f"; it has others that the signature has not: {_names(extra)}" if extra else ""
        expected = _names([f"{label} ({column.type}{'' if column.required else ', optional'})" for column, label in zip(columns, labels)])
        raise HostError("INVALID_ARGUMENT", f"the model is missing inputs {_names(missing)}{also}. Its signature has {expected}")
    if extra:
        LOG.debug("ignored columns that the signature does not have: %s", extra)
    values = {
        (label if named else position): to_values(column, label, given[label])
        for position, (column, label) in enumerate(zip(columns, labels))
        if label in given
    }
    lengths = {name: len(column) for name, column in values.items()}
    if len(set(lengths.values())) > 1:
        raise HostError("INVALID_ARGUMENT", f"the columns do not have the same number of rows: {lengths}")
    return values


def _given(payload: Payload, columns: Sequence[Column], labels: list[str]) -> dict[str, Any]:
    """Values by the labels of columns, and others that the request has."""
    if payload.kind == "rows":
        return _columns_of(payload.value, columns, labels)
    if payload.kind == "columns":
        return payload.value
    if payload.kind != "tensors":
        raise HostError("INVALID_ARGUMENT", "expected rows, columns, or a tensor for each column")
    arrays: dict[str, numpy.ndarray] = payload.value
    if len(arrays) == 1 and next(iter(arrays)) not in labels:
        (only,) = arrays.values()
        if len(columns) == 1:
            return {labels[0]: only}
        # Of a matrix the columns have no names, which is enough only where the signature has none either.
        if columns[0].name is None and only.ndim == 2 and only.shape[1] >= len(columns):
            return {label: only[:, position] for position, label in enumerate(labels)}
    return dict(arrays)


def _columns_of(rows: list[Any], columns: Sequence[Column], labels: list[str]) -> dict[str, list[Any]]:
    if rows and all(isinstance(row, dict) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        optional = {label for column, label in zip(columns, labels) if not column.required}
        for index, row in enumerate(rows):
            absent = [name for name in names if name not in row and name in labels and name not in optional]
            if absent:
                raise HostError("INVALID_ARGUMENT", f"the model is missing inputs {_names(absent)} in row {index}, which other rows have")
        return {name: [row.get(name) for row in rows] for name in names}
    if len(columns) == 1 and not columns[0].nested:
        rows = [row[0] if isinstance(row, list) and len(row) == 1 else row for row in rows]
    if len(columns) == 1:
        return {labels[0]: rows}
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            message = f"row {index} is neither an object nor a list of the {len(columns)} columns {_names(labels)}"
            raise HostError("INVALID_ARGUMENT", message)
    return {label: [row[position] for row in rows] for position, label in enumerate(labels)}


def _as_list(payload: Payload) -> list[Any]:
    """For types of a Python function, which takes a list with an element for each row."""
    if payload.kind == "rows":
        return payload.value
    if payload.kind == "tensors" and len(payload.value) == 1:
        return next(iter(payload.value.values())).tolist()
    arrays = payload.value if payload.kind in ("tensors", "columns") else None
    if not arrays:
        raise HostError("INVALID_ARGUMENT", "expected a list with an element for each row")
    lists = {name: values.tolist() if isinstance(values, numpy.ndarray) else values for name, values in arrays.items()}
    if not all(isinstance(values, list) for values in lists.values()) or len({len(values) for values in lists.values()}) != 1:
        raise HostError("INVALID_ARGUMENT", "expected a list for each input, and all of the same length")
    return [dict(zip(lists, row)) for row in zip(*lists.values())]


def _without_signature(payload: Payload) -> Any:
    """Names make a data frame; one list or one tensor is an array."""
    if payload.kind == "rows":
        if payload.value and all(isinstance(row, dict) for row in payload.value):
            return pandas.DataFrame(payload.value)
        return _array(payload.value)
    if payload.kind == "columns":
        payload = Payload("tensors", {name: _array(values) for name, values in payload.value.items()})
    if payload.kind != "tensors" or not payload.value:
        raise HostError("INVALID_ARGUMENT", "expected rows, columns or tensors")
    arrays: dict[str, numpy.ndarray] = payload.value
    if len(arrays) == 1 and next(iter(arrays.values())).ndim != 1:
        return next(iter(arrays.values()))
    if all(array.shape in ((array.size,), (array.size, 1)) for array in arrays.values()):
        flat = {name: array.reshape(-1) for name, array in arrays.items()}
        if len({array.size for array in flat.values()}) > 1:
            raise HostError("INVALID_ARGUMENT", "the columns do not have the same number of rows")
        return pandas.DataFrame(flat)
    return arrays


def _array(values: Any) -> numpy.ndarray:
    try:
        array = numpy.asarray(values)
    except (ValueError, OverflowError) as error:
        raise HostError("INVALID_ARGUMENT", f"the values are not rectangular: {error}") from error
    return numpy.asarray(values, dtype=object) if array.dtype.kind == "U" else array


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "nothing"
