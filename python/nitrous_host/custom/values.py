"""Values of requests as the Python objects that type hints ask for."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any, Callable

from nitrous_host.custom.hints import IMAGE, Hint
from nitrous_host.errors import HostError
from nitrous_host.tensors import DTYPES, numpy


def convert(hint: Hint, value: Any, name: str) -> Any:
    """One argument. Raises HostError INVALID_ARGUMENT, saying which input, and what was expected."""
    if value is None and hint.optional:
        return None
    try:
        if hint.kind == "array":
            return _array(hint, value)
        if hint.kind == "value" and hint.shape is not None and hint.depth == 0:
            return value
        if hint.kind in ("value", "json", "record"):
            return _nested(hint, value, hint.depth)
        return value
    except (TypeError, ValueError, OverflowError) as error:
        raise HostError("INVALID_ARGUMENT", f"input '{name}': {error}") from error


def one_value(value: Any, name: str) -> Any:
    """The one value of an argument that holds for a whole request. Raises HostError INVALID_ARGUMENT when there are several."""
    values = value.reshape(-1).tolist() if _is_array(value) else value
    if not isinstance(values, list):
        return values
    if len(values) == 0 or any(each != values[0] for each in values):
        raise HostError("INVALID_ARGUMENT", f"input '{name}' is one value for all rows; {len(values)} different ones came")
    return values[0]


def _nested(hint: Hint, value: Any, depth: int) -> Any:
    if _is_array(value) and not (hint.type == IMAGE and depth == 0):
        if value.ndim < depth or (value.ndim > depth and hint.type != IMAGE):
            raise ValueError(f"expected {_expected(hint, depth)}, got the shape {list(value.shape)}")
        if hint.type != IMAGE:
            value = value.tolist()
        elif depth > 0:
            value = list(value)
    if depth > 0:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"expected {_expected(hint, depth)}, got {_brief(value)}")
        return [_nested(hint, each, depth - 1) for each in value]
    if isinstance(value, numpy.generic if numpy is not None else ()):
        value = value.item()
    converted = _element(hint)(value)
    if hint.choices and converted not in hint.choices:
        raise ValueError(f"expected one of {', '.join(map(repr, hint.choices))}, got {_brief(value)}")
    return converted


def _element(hint: Hint) -> Callable[[Any], Any]:
    if hint.kind == "json":
        return _object if hint.type is dict else lambda value: _validated(hint.type, value)
    if hint.kind == "record":
        return lambda value: _record(hint, value)
    if hint.type == IMAGE:
        from nitrous_host.custom.images import to_image

        return to_image
    return ELEMENTS.get(hint.type) or (lambda value: hint.type(value))


def _whole_number(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"expected a whole number, got {_brief(value)}")
    return value


def _number(value: Any) -> float:
    # null is NaN, as in data frames.
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"expected a number, got {_brief(value)}")
    return float(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool) or value in (0, 1):
        return bool(value)
    raise ValueError(f"expected true or false, got {_brief(value)}")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("expected text, got bytes that are not UTF-8" if isinstance(value, bytes) else f"expected text, got {_brief(value)}")


def _bytes(value: Any) -> bytes:
    if isinstance(value, dict) and isinstance(value.get("b64"), str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error:
            raise ValueError('expected base64 in {"b64": ...}') from None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise ValueError(f'expected text or {{"b64": ...}}, got {_brief(value)}')


def _object(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    raise ValueError(f"expected an object, got {_brief(value)}")


def _validated(model: Any, value: Any) -> Any:
    """An object of pydantic's. Raises ValueError."""
    try:
        return model.model_validate(value)
    except ValueError as error:
        wrong = error.errors() if hasattr(error, "errors") else []
        told = "; ".join(f"{'.'.join(map(str, each['loc'])) or model.__name__}: {each['msg']}" for each in wrong)
        raise ValueError(told or str(error)) from error


def _record(hint: Hint, value: Any) -> Any:
    fields = hint.fields or {}
    optional = {name for name, field in fields.items() if field.optional} | hint.defaults
    missing = [name for name in fields if name not in _object(value) and name not in optional]
    unknown = [name for name in value if name not in fields]
    if missing or unknown:
        problem = f"{missing[0]} is missing" if missing else f"{unknown[0]} is not one of them"
        raise ValueError(f"expected an object with {', '.join(fields)}; {problem}")
    given = {name: field for name, field in fields.items() if name in value or name not in hint.defaults}
    return hint.type(**{name: _field(field, value.get(name)) for name, field in given.items()})


def _field(hint: Hint, value: Any) -> Any:
    return None if value is None and hint.optional else _nested(hint, value, hint.depth)


ELEMENTS: dict[Any, Callable[[Any], Any]] = {int: _whole_number, float: _number, bool: _boolean, str: _text, bytes: _bytes}


def _array(hint: Hint, value: Any) -> Any:
    dtype = DTYPES.get(hint.datatype or "")
    try:
        array = value if _is_array(value) else numpy.asarray(value)
    except ValueError:
        raise ValueError("expected a rectangular array") from None
    if hint.datatype == "BYTES":
        array = array.astype(object)
    elif dtype is not None and array.dtype != dtype:
        if not (numpy.can_cast(array.dtype, dtype, "same_kind") or _holds(array, dtype)):
            raise ValueError(f"expected numbers of {hint.datatype}, got {array.dtype}")
        array = array.astype(dtype)
    shape = hint.shape
    if shape is not None and (len(shape) != array.ndim or any(wanted not in (-1, size) for wanted, size in zip(shape, array.shape))):
        raise ValueError(f"expected the shape {list(shape)}, got {list(array.shape)}")
    return array


def _holds(array: Any, dtype: str) -> bool:
    """Whether a datatype of another kind has all these numbers: 2.0 is an integer, 300 no UINT8."""
    if array.dtype.kind not in "iuf":
        return False
    with numpy.errstate(all="ignore"):
        return bool((array.astype(dtype) == array).all())


def _is_array(value: Any) -> bool:
    return numpy is not None and isinstance(value, numpy.ndarray)


def _expected(hint: Hint, depth: int) -> str:
    names = {int: "whole numbers", float: "numbers", bool: "booleans", str: "texts", bytes: "texts", IMAGE: "pictures", dict: "objects"}
    what = names.get(hint.type, "values")
    return f"one of {what}" if depth == 0 else f"a list of {what}" if depth == 1 else f"lists in lists ({depth} deep) of {what}"


def _brief(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool)) or value is None else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."
