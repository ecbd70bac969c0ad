"""Results of methods whose type hints say what they are, as tensors."""

from __future__ import annotations

import dataclasses
from typing import Any

from nitrous_host.custom.hints import IMAGE, Hint
from nitrous_host.errors import HostError
from nitrous_host.tensors import DTYPES, numpy

OUTPUT_NAME = "output-0"


def typed_whole(hint: Hint, result: Any) -> dict[str, Any] | None:
    """Tensors by name of a result for all rows; None where the hint or the result is better sent as JSON. Raises HostError INTERNAL."""
    if numpy is None:
        return None
    if hint.kind == "record":
        records = [result] if hint.depth == 0 else result
        return _columns(hint, records, whole=hint.depth == 0) if hint.depth < 2 else None
    # One value is a tensor of one, because rows are what tensors begin with.
    return _named(_tensor(hint, result, max(1, hint.depth)))


def typed_rows(hint: Hint, results: list[Any]) -> dict[str, Any] | None:
    """The same of the results for each row, with a first dimension for the rows."""
    if numpy is None:
        return None
    if hint.kind == "record":
        return _columns(hint, results, whole=False) if hint.depth == 0 else None
    return _named(_tensor(hint, results, hint.depth + 1))


def as_dict(value: Any) -> dict[str, Any] | None:
    """A record as a dict, None for what is no record."""
    if isinstance(value, dict):
        return value
    if hasattr(value, "model_dump"):
        dumped: dict[str, Any] = value.model_dump(mode="json")
        return dumped
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    return value._asdict() if hasattr(value, "_asdict") else None


def _named(tensor: Any) -> dict[str, Any] | None:
    return None if tensor is None else {OUTPUT_NAME: tensor}


def _columns(hint: Hint, records: list[Any], whole: bool) -> dict[str, Any] | None:
    """An output for each field of records: of `whole` ones the field as it is, else the fields of all below each other."""
    found = [record for record in map(as_dict, records) if record is not None]
    if not found or len(found) < len(records) or any(record.keys() != found[0].keys() for record in found):
        return None
    fields = hint.fields or {}
    tensors: dict[str, Any] = {}
    for name, first in found[0].items():
        if name not in fields:
            return None
        field = fields[name]
        value = first if whole else [record[name] for record in found]
        tensor = _tensor(field, value, max(1, field.depth) if whole else field.depth + 1)
        if tensor is None:
            return None
        tensors[name] = tensor
    return tensors


def _tensor(hint: Hint, value: Any, depth: int) -> Any:
    """An array, of values in `depth` lists; None for ragged lists, for None, and for hints that say nothing."""
    if hint.kind == "value":
        return _values(hint, value, depth)
    if hint.kind != "array" or value is None:
        return None
    try:
        array = numpy.asarray(value)
    except ValueError:
        return None
    return _cast(array, hint)


def _values(hint: Hint, value: Any, depth: int) -> Any:
    if depth == 1 and not isinstance(value, (list, tuple)) and not (isinstance(value, numpy.ndarray) and value.ndim > 0):
        value = [value]
    if _holds_none(value):
        return None
    if hint.type == IMAGE:
        return _pictures(value)
    if hint.datatype == "BYTES":
        elements = numpy.asarray(value, dtype=object)
        if elements.ndim != depth:
            return None
        wrong = next((each for each in elements.flat if not isinstance(each, (str, bytes))), None)
        if wrong is not None:
            raise _misfit(hint, type(wrong).__name__)
        return elements
    try:
        array = numpy.asarray(value)
    except ValueError:
        return None
    if array.ndim != depth and array.size > 0:
        raise _misfit(hint, f"values in {array.ndim} dimensions")
    return _cast(array, hint)


def _cast(array: Any, hint: Hint) -> Any:
    if hint.datatype is None or hint.datatype not in DTYPES or array.size == 0:
        return array if hint.datatype not in DTYPES else array.astype(DTYPES[hint.datatype])
    dtype = DTYPES[hint.datatype]
    if not numpy.can_cast(array.dtype, dtype, "same_kind"):
        raise _misfit(hint, str(array.dtype))
    return array.astype(dtype, copy=False)


def _pictures(value: Any) -> Any:
    from nitrous_host.custom.images import to_png

    pictures = numpy.empty(len(value), object)
    pictures[:] = [to_png(image) for image in value]
    return pictures


def _holds_none(value: Any) -> bool:
    return value is None or (isinstance(value, (list, tuple)) and any(map(_holds_none, value)))


def _misfit(hint: Hint, what: str) -> HostError:
    name = getattr(hint.type, "__name__", None) or hint.datatype
    return HostError("INTERNAL", f"it answered {what} where its type hint says {name}")
