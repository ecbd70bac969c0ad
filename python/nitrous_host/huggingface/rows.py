"""A call's payload as rows: one dict of values by input name for each."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Sequence

from nitrous_host.errors import HostError
from nitrous_host.payload import Call, Payload
from nitrous_host.tensors import numpy

Row = dict[str, Any]


def rows_of(call: Call, names: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """
    Rows with the names, of which the first takes what comes without one: a tensor of any name, and V1 instances that are no objects.
    {"b64": ...} becomes bytes. Raises HostError INVALID_ARGUMENT for no rows, unknown names and missing ones.
    """
    rows = _rows(call.payload, names)
    if not rows:
        raise HostError("INVALID_ARGUMENT", "the request has no rows: give at least one instance")
    required = [name for name in names if name not in optional]
    for index, row in enumerate(rows):
        for name in row:
            if name not in names:
                raise HostError("INVALID_ARGUMENT", f"instance {index} has '{name}', which is unknown; expected {_listed(names)}")
        for name in required:
            if name not in row:
                raise HostError("INVALID_ARGUMENT", f"instance {index} lacks '{name}'; it has {_listed(row)}, expected {_listed(names)}")
    return rows


def _rows(payload: Payload, names: Sequence[str]) -> list[Row]:
    if payload.kind == "rows":
        return [_row(row, names) for row in payload.value]
    if payload.kind in ("tensors", "columns"):
        columns = payload.value
        if len(columns) == 1 and next(iter(columns)) not in names:
            columns = {names[0]: next(iter(columns.values()))}
        return _transposed(columns)
    raise HostError("INVALID_ARGUMENT", f"expected instances, or tensors named {_listed(names)}")


def _row(row: Any, names: Sequence[str]) -> Row:
    if isinstance(row, dict) and set(row) != {"b64"}:
        return {name: _value(value) for name, value in row.items()}
    return {names[0]: _value(row)}


def _value(value: Any) -> Any:
    return from_base64(value["b64"]) if isinstance(value, dict) and set(value) == {"b64"} else value


def _transposed(columns: dict[str, Any]) -> list[Row]:
    for name, values in columns.items():
        if isinstance(values, (str, bytes)) or not hasattr(values, "__len__") or getattr(values, "ndim", 1) == 0:
            raise HostError("INVALID_ARGUMENT", f"input '{name}' must have a first dimension of rows")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise HostError("INVALID_ARGUMENT", f"inputs differ in their rows: {', '.join(f'{name} has {n}' for name, n in lengths.items())}")
    count = next(iter(lengths.values()), 0)
    return [{name: _value(_element(values[index])) for name, values in columns.items()} for index in range(count)]


def _element(value: Any) -> Any:
    """The text of a row that is a tensor of one text, as [rows, 1] has them."""
    if numpy is not None and isinstance(value, numpy.ndarray) and value.dtype == object and value.size == 1:
        return value.reshape(-1)[0]
    return value


def from_base64(text: Any) -> bytes:
    """Raises HostError INVALID_ARGUMENT for what is no base64."""
    if not isinstance(text, (str, bytes)):
        raise HostError("INVALID_ARGUMENT", f"b64 is {type(text).__name__}; expected text in base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"b64 is not base64: {error}") from error


def text_of(row: Row, name: str, index: int) -> str:
    """Raises HostError INVALID_ARGUMENT when the row's value is no text."""
    value = row[name]
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        raise HostError("INVALID_ARGUMENT", f"instance {index}: '{name}' holds bytes that are not UTF-8 text")
    raise HostError("INVALID_ARGUMENT", f"instance {index}: '{name}' is {shown(value)}; expected text")


def shown(value: Any) -> str:
    """A value for messages, short."""
    if value is None:
        return "null"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    if hasattr(value, "shape"):
        return f"a {value.dtype} array of shape {list(value.shape)}"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names) or "nothing"
