"""Modules whose forward declares names and no shapes: they are taken from example.json, or left to each call."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import numpy
import torch

from nitrous_host.errors import HostError
from nitrous_host.examples import read_example
from nitrous_host.formats.pytorch_tensors import MISFITS, explain, named_outputs, to_torch
from nitrous_host.methods import Method, MethodModel, Tensors
from nitrous_host.model import LoadRequest, Model
from nitrous_host.payload import Call, Payload
from nitrous_host.tensor_warmup import warm_up_methods
from nitrous_host.tensors import datatype_of
from nitrous_host.warmup import Framework

NO_EXAMPLE = "not warmed up: the file declares no shapes; put an example.json beside the model"


def serve_module(
    request: LoadRequest, framework: Framework, device: torch.device, module: Callable[..., Any], names: list[str], required: int
) -> Model:
    """
    The model of a module's forward with the parameters `names`, of which the first `required` must be given. With an example.json
    its inputs have names and shapes, without one it takes any number of tensors by name or in order, and rows of numbers.
    """
    if request.example is None:
        framework.warnings.append(NO_EXAMPLE)
        return _UndeclaredModel(framework, _method(module, device, names, required, {}, "json", []))
    example = _in_order(_tensors_of(read_example(request.example)[1], names), names, required)
    datatypes = {name: datatype_of(array) for name, array in example.items()}
    # Machine code, which knows no names, may not look at sizes before it reads.
    tried = example if names else {}
    variable = _variable_axes(_method(module, device, names, required, datatypes, "json", []), tried)
    inputs = [
        {
            "name": name,
            "datatype": datatypes[name],
            "shape": [-1 if axis == 0 or axis in variable.get(name, ()) else size for axis, size in enumerate(array.shape)],
        }
        for name, array in example.items()
    ]
    accepts = "matrix" if len(inputs) == 1 and inputs[0]["shape"] else "tensors"
    method = _method(module, device, names, required, datatypes, accepts, inputs)
    return warm_up_methods(request, framework, {"predict": method}, "predict", row_wise=True, prepared=example)


class _UndeclaredModel(MethodModel):
    def __init__(self, framework: Framework, method: Method) -> None:
        description = {
            "framework": framework.name,
            "frameworkVersion": framework.version,
            "warnings": framework.warnings,
            "methods": {"predict": {**method.signature, "batchable": False, "streaming": False}},
        }
        super().__init__(description, {"predict": method})

    def infer(self, call: Call) -> Payload:
        call.payload = Payload("tensors", _tensors_of(call.payload, []))
        return super().infer(call)


def _method(
    module: Callable[..., Any],
    device: torch.device,
    names: list[str],
    required: int,
    datatypes: dict[str, str],
    accepts: str,
    inputs: list[dict[str, Any]],
) -> Method:
    def run(tensors: Tensors, _call: Call) -> Tensors:
        ordered = _in_order(tensors, names, required)
        with torch.inference_mode():
            given = {name: to_torch(name, array, datatypes.get(name), device) for name, array in ordered.items()}
            try:
                return named_outputs(module(**given) if names else module(*given.values()))
            except torch.cuda.OutOfMemoryError as error:
                raise HostError("RESOURCE_EXHAUSTED", f"the call needs more memory than {device} has: send fewer rows") from error

    signature = {"accepts": accepts, "inputs": inputs, "outputs": [], "convertsNumbers": True}
    return Method(signature, run, MISFITS, explain)


def _in_order(tensors: Tensors, names: list[str], required: int) -> Tensors:
    """The tensors under the names of the parameters: their own where any of them is one, else by order. Raises HostError INVALID_ARGUMENT."""
    if not names:
        return tensors
    if not any(name in names for name in tensors) and required <= len(tensors) <= len(names):
        return dict(zip(names, tensors.values()))
    unknown = [name for name in tensors if name not in names]
    missing = [name for name in names[:required] if name not in tensors]
    if unknown or missing:
        what = f"unknown input '{unknown[0]}'" if unknown else f"missing input '{missing[0]}'"
        raise HostError("INVALID_ARGUMENT", f"{what}; the model takes {', '.join(names)}, by these names or in this order")
    return tensors


def _tensors_of(payload: Payload, names: list[str]) -> Tensors:
    """Tensors as they are; rows and columns of numbers as FP32. Raises HostError INVALID_ARGUMENT."""
    if payload.kind == "tensors":
        return payload.value
    if payload.kind == "columns":
        return {name: _floats(values) for name, values in payload.value.items()}
    rows = payload.value
    if payload.kind != "rows" or not rows:
        raise HostError("INVALID_ARGUMENT", "expected tensors, or instances with at least one row")
    if not isinstance(rows[0], dict):
        return {names[0] if names else "input-0": _floats(rows)}
    keys = list(rows[0])
    if any(not isinstance(row, dict) or set(row) != set(keys) for row in rows):
        raise HostError("INVALID_ARGUMENT", "the instances do not all have the same keys")
    return {key: _floats([row[key] for row in rows]) for key in keys}


def _floats(values: Any) -> numpy.ndarray:
    try:
        return numpy.asarray(values, numpy.float32)
    except (ValueError, TypeError) as error:
        raise HostError("INVALID_ARGUMENT", f"the instances are not rectangular lists of numbers: {error}") from error


def _variable_axes(method: Method, example: Tensors) -> dict[str, set[int]]:
    """The axes behind the first, by input, that the model takes one element longer: axes of one size are tried together."""
    variable: dict[str, set[int]] = {name: set() for name in example}
    sizes = {size for array in example.values() for size in array.shape[1:] if size > 0}
    for size in sizes:
        longer = {name: _longer(array, size) for name, array in example.items()}
        try:
            method.run(longer, Call("predict", Payload("tensors", longer)))
        except Exception:
            continue
        for name, array in example.items():
            variable[name].update(axis for axis in _axes(array, size))
    return variable


def _longer(array: numpy.ndarray, size: int) -> numpy.ndarray:
    for axis in _axes(array, size):
        array = numpy.concatenate([array, array.take([-1], axis=axis)], axis=axis)
    return array


def _axes(array: numpy.ndarray, size: int) -> Iterator[int]:
    return (axis for axis, each in enumerate(array.shape) if axis > 0 and each == size)
