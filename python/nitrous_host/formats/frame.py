"""Payloads as a pandas data frame, for models that know their columns by name."""

from __future__ import annotations

from typing import Any, Sequence

import numpy
import pandas

from nitrous_host.errors import HostError
from nitrous_host.formats.matrix import check_columns
from nitrous_host.payload import Payload


def to_frame(payload: Payload, columns: Sequence[str]) -> pandas.DataFrame:
    """
    A data frame with exactly these columns in this order: numbers as they are, text as objects, null as NaN.
    Raises HostError INVALID_ARGUMENT.
    """
    if payload.kind == "rows":
        given = _columns_of(payload.value, columns)
    elif payload.kind in ("tensors", "columns"):
        check_columns(list(payload.value), columns)
        given = payload.value
    else:
        raise HostError("INVALID_ARGUMENT", "expected rows with named columns")
    series = {name: _series(name, given[name]) for name in columns}
    lengths = {name: len(values) for name, values in series.items()}
    if len(set(lengths.values())) > 1:
        raise HostError("INVALID_ARGUMENT", f"the columns do not have the same number of rows: {lengths}")
    return pandas.DataFrame(series)


def _columns_of(rows: list[Any], columns: Sequence[str]) -> dict[str, list[Any]]:
    for index, row in enumerate(rows):
        if isinstance(row, dict):
            check_columns(list(row), columns, f" in row {index}")
        elif not isinstance(row, list) or len(row) != len(columns):
            raise HostError("INVALID_ARGUMENT", f"row {index} is neither an object nor a list of the {len(columns)} columns {list(columns)}")
    return {
        name: [row[name] if isinstance(row, dict) else row[position] for row in rows] for position, name in enumerate(columns)
    }


def _series(name: str, values: Any) -> Any:
    if isinstance(values, numpy.ndarray):
        if values.shape not in ((values.size,), (values.size, 1)):
            shape = list(values.shape)
            raise HostError("INVALID_ARGUMENT", f"column '{name}' has shape {shape}; expected [rows] or [rows, 1]")
        flat = values.reshape(-1)
        return pandas.Series(flat, dtype=object) if flat.dtype == object else flat
    if not isinstance(values, list):
        values = [values]
    # What read_csv makes of a missing value, so also what a model was fitted on.
    present = [numpy.nan if value is None else value for value in values]
    has_text = any(isinstance(value, (str, list, dict)) for value in present)
    return pandas.Series(present, dtype=object if has_text else None)
