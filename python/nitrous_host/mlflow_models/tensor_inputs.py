"""Tensors of a signature: their datatypes and shapes are checked as MLflow's own check does."""

from __future__ import annotations

from typing import Any, Sequence

import numpy

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.signature import TensorInput
from nitrous_host.payload import Payload


def to_arrays(payload: Payload, tensors: Sequence[TensorInput]) -> Any:
    """One array for a signature of one tensor without a name, else arrays by name. Raises HostError INVALID_ARGUMENT."""
    if tensors[0].name is None:
        return _checked(tensors[0], "input-0", _only(payload))
    given = _by_name(payload, tensors)
    missing = [str(tensor.name) for tensor in tensors if tensor.name not in given]
    if missing:
        expected = ", ".join(f"'{tensor.name}' {tensor.datatype} {tensor.shape}" for tensor in tensors)
        raise HostError("INVALID_ARGUMENT", f"the model is missing inputs {', '.join(missing)}. Its signature has {expected}")
    return {str(tensor.name): _checked(tensor, str(tensor.name), given[tensor.name]) for tensor in tensors}


def _only(payload: Payload) -> Any:
    if payload.kind == "rows":
        return payload.value
    if payload.kind in ("tensors", "columns") and len(payload.value) == 1:
        return next(iter(payload.value.values()))
    raise HostError("INVALID_ARGUMENT", "the model's signature has one tensor: send one, of any name")


def _by_name(payload: Payload, tensors: Sequence[TensorInput]) -> dict[Any, Any]:
    if payload.kind in ("tensors", "columns"):
        if len(payload.value) == 1 and len(tensors) == 1:
            return {tensors[0].name: next(iter(payload.value.values()))}
        return payload.value
    if payload.kind != "rows":
        raise HostError("INVALID_ARGUMENT", "expected tensors by name")
    rows = payload.value
    if rows and all(isinstance(row, dict) for row in rows):
        names = set.intersection(*(set(row) for row in rows))
        return {name: [row[name] for row in rows] for name in names}
    if len(tensors) == 1:
        return {tensors[0].name: rows}
    raise HostError("INVALID_ARGUMENT", "the model's signature has several tensors: each row must be an object of them")


def _checked(tensor: TensorInput, label: str, values: Any) -> numpy.ndarray:
    array = values if isinstance(values, numpy.ndarray) else _from_lists(tensor, label, values)
    if tensor.dtype.kind in "OUS":
        # Text is text whatever its length, and objects are anything.
        if tensor.dtype.kind == "U" and array.dtype == object and all(isinstance(element, str) for element in array.flat):
            array = array.astype(str)
    elif array.dtype != tensor.dtype:
        given = "BYTES" if array.dtype == object else str(array.dtype)
        raise HostError("INVALID_ARGUMENT", f"input '{label}' is {given}; the model's signature has {tensor.dtype}, sent as {tensor.datatype}")
    _check_shape(tensor, label, array)
    return array


def _check_shape(tensor: TensorInput, label: str, array: numpy.ndarray) -> None:
    # Rows of different lengths, which MLflow lets pass.
    if tensor.dtype == object and (tensor.shape == [-1] or array.ndim == 1):
        return
    fits = len(tensor.shape) == array.ndim and all(size in (-1, given) for size, given in zip(tensor.shape, array.shape))
    if not fits:
        raise HostError("INVALID_ARGUMENT", f"input '{label}' has shape {list(array.shape)}; the model's signature has {tensor.shape}")


def _from_lists(tensor: TensorInput, label: str, values: Any) -> numpy.ndarray:
    """JSON has one kind of number: what the signature says is what is meant, where it can be that."""
    try:
        plain = numpy.asarray(values)
    except (ValueError, OverflowError) as error:
        raise HostError("INVALID_ARGUMENT", f"input '{label}' is not rectangular: {error}") from error
    if tensor.dtype.kind in "OUS":
        return numpy.asarray(values, dtype=tensor.dtype if tensor.dtype.kind == "U" else object)
    wanted = tensor.dtype.kind
    if plain.dtype == object and wanted == "f":
        plain = _with_missing(plain)
    fits = plain.dtype.kind == "b" if wanted == "b" else plain.dtype.kind in ("iuf" if wanted == "f" else "iu") or plain.size == 0
    if not fits:
        raise HostError("INVALID_ARGUMENT", f"input '{label}' has values that are none of the signature's {tensor.dtype}")
    converted = plain.astype(tensor.dtype)
    if wanted in "iu" and not numpy.array_equal(converted, plain):
        raise HostError("INVALID_ARGUMENT", f"input '{label}' has numbers outside of the signature's {tensor.dtype}")
    return converted


def _with_missing(array: numpy.ndarray) -> numpy.ndarray:
    """null is NaN; anything else that is no number stays what it is."""
    if all(element is None or (isinstance(element, (int, float)) and not isinstance(element, bool)) for element in array.flat):
        return array.astype(float)
    return array
