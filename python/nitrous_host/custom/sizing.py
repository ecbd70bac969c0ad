"""What a custom model declares about requests of different sizes that meet in one call, and how long each was."""

from __future__ import annotations

import inspect
import json
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.payload import Call
from nitrous_host.tensors import numpy


def declared_sizing(declared: dict[str, Any]) -> dict[str, Any]:
    """
    The declarations of a method as they stand on the class; the server checks them.
    Raises HostError INVALID_ARGUMENT for what is no data: the server cannot ask functions for each request.
    """
    try:
        sizing: dict[str, Any] = json.loads(json.dumps(declared, default=lambda value: value.item(), allow_nan=False))
    except (AttributeError, TypeError, ValueError) as error:
        raise HostError(
            "INVALID_ARGUMENT",
            f"{', '.join(declared)}: expected data, such as padding = {{'tokens': 0}}, unpad = {{'scores': 'tokens'}} "
            f"and cost = 'tokens', with finite numbers; {error}",
        ) from error
    return sizing


def padded_axes(method: dict[str, Any]) -> dict[str, list[int]]:
    """By padded input of a method its padded dimensions: the variable ones behind the first."""
    padding = (method.get("sizing") or {}).get("padding", {})
    inputs = [entry for entry in method["inputs"] if isinstance(padding, dict) and entry["name"] in padding]
    return {entry["name"]: [axis for axis, size in enumerate(entry["shape"]) if axis > 0 and size == -1] for entry in inputs}


def takes_lengths(parameter: inspect.Parameter, method: dict[str, Any]) -> bool:
    """`predict(self, tokens, *, lengths)` of a model with padding is given them, unless one of its inputs is called so."""
    is_input = any(entry["name"] == "lengths" for entry in method["inputs"])
    return bool(padded_axes(method)) and not is_input and parameter.name == "lengths" and parameter.kind is inspect.Parameter.KEYWORD_ONLY


def lengths_of(call: Call, padded: dict[str, list[int]]) -> dict[str, Any]:
    """
    By padded input how long each row was before it was filled up to the longest: INT64 [rows], or [rows, dimensions] where several
    dimensions are padded.
    """
    lengths: dict[str, Any] = {}
    for name, axes in padded.items():
        array = call.payload.value.get(name) if call.payload.kind == "tensors" else None
        if array is None:
            continue
        runs = call.lengths.get(name) or [[len(array), *(array.shape[axis] for axis in axes)]]
        table = numpy.array([sizes for _, *sizes in runs], "<i8").repeat([rows for rows, *_ in runs], axis=0)
        lengths[name] = table[:, 0] if len(axes) == 1 else table
    return lengths
