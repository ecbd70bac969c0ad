"""Values of PMML's datatypes: None is a missing one, the others are str, int, float and bool."""

from __future__ import annotations

import math
import struct
from typing import Any

from nitrous_host.pmml.document import Unsupported

Value = Any
NUMBERS = {"integer", "float", "double"}


class Misfit(Exception):
    """A value that the model does not take; the message names the field and what came."""


def check_datatype(name: str) -> str:
    """Raises Unsupported for dates and times."""
    if name not in NUMBERS | {"string", "boolean"}:
        raise Unsupported(f'dataType="{name}"')
    return name


def is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def cast(value: Value, datatype: str) -> Value:
    """The value in a datatype. Raises ValueError for one that it does not have."""
    if value is None:
        return None
    if datatype == "string":
        return ("true" if value else "false") if isinstance(value, bool) else str(value)
    if datatype == "boolean":
        return _boolean(value)
    if datatype == "integer":
        number = _number(value)
        if number != int(number):
            raise ValueError("it is not whole")
        return int(number)
    return single(_number(value)) if datatype == "float" else _number(value)


def single(value: float) -> float:
    """Rounded to 32 bits, as values of dataType float are."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def _number(value: Value) -> float:
    if isinstance(value, bool):
        return 1.0 if value else 0.0
    number = float(value)
    # What Python reads besides: NaN, infinity and underscores.
    if isinstance(value, str) and not math.isfinite(number):
        raise ValueError("it is no number")
    return number


def _boolean(value: Value) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, str) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value in ("0", "1"):
        return value == "1"
    raise ValueError("it is neither true nor false")
