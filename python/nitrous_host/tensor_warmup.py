"""The first calls of models with methods: they fill in what outputs look like and prove whether rows are independent."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.batchable import is_batchable
from nitrous_host.errors import HostError, from_exception
from nitrous_host.examples import read_example, tensor_json
from nitrous_host.methods import Method, MethodModel, Tensors, answer
from nitrous_host.model import LoadRequest
from nitrous_host.payload import Call, Payload
from nitrous_host.tensors import DTYPES, datatype_of
from nitrous_host.warmup import Framework

# What a variable dimension behind the first has in examples that are made up.
MADE_UP_SIZE = 1
# Of the largest number in an answer: kernels add up in another order for other numbers of rows.
NETWORK_TOLERANCE = 1e-5


def warm_up_methods(
    request: LoadRequest,
    framework: Framework,
    methods: dict[str, Method],
    default: str,
    row_wise: bool,
    prepared: Tensors | None = None,
) -> MethodModel:
    """
    The model with its description. The default method must answer example.json where there is one; examples that are made up from
    the signatures may fail, which makes a warning. With `row_wise`, a method whose inputs and outputs all begin with a variable
    dimension is batchable when two rows answer together as apart. `prepared` are the default method's tensors of example.json under
    the names of its inputs, or of an example that the artefact itself carries. Raises HostError INVALID_ARGUMENT.
    """
    given, payload = read_example(request.example) if request.example else (None, None)
    example = given
    for name, method in methods.items():
        is_given = payload is not None and name == default
        if prepared is not None and name == default:
            tensors: Tensors | None = prepared
        else:
            tensors = as_tensors(payload, method) if is_given else made_up(method.signature["inputs"], rows=2)
        if tensors is None:
            framework.warnings.append(f"method '{name}' was not warmed up: nothing is known about its inputs; put an example.json beside the model")
            continue
        try:
            first = tensors if is_given else first_rows(tensors, method.signature["inputs"], 1)
            answers = answer(method, Call(name, Payload("tensors", first)))
        except Exception as error:
            failure = from_exception(error)
            if is_given:
                raise HostError("INVALID_ARGUMENT", f"the model does not answer example.json: {failure.message}", failure.detail) from error
            framework.warnings.append(
                f"method '{name}' was not warmed up: it did not answer a generated example ({failure.message}); put an example.json beside the model"
            )
            continue
        _describe_outputs(method.signature, answers)
        if row_wise:
            method.signature["batchable"] = _rows_are_independent(name, method, tensors)
        if name == default and example is None:
            example = {"inputs": [tensor_json(key, _datatype(method.signature, key, array), array) for key, array in first.items()]}
    description: dict[str, Any] = {
        "framework": framework.name,
        "frameworkVersion": framework.version,
        "warnings": framework.warnings,
        "defaultMethod": default,
        "methods": {name: {"batchable": False, "streaming": False, **method.signature} for name, method in methods.items()},
    }
    if example is not None:
        description["example"] = example
    return MethodModel(description, methods)


def as_tensors(payload: Payload, method: Method) -> Tensors:
    """
    The tensors of an example that may be written as V1 instances. Raises HostError INVALID_ARGUMENT.
    """
    if payload.kind == "tensors":
        return payload.value
    inputs = method.signature["inputs"]
    rows = payload.value
    try:
        if len(inputs) == 1 and not (rows and isinstance(rows[0], dict)):
            return {inputs[0]["name"]: numpy.asarray(rows, DTYPES.get(inputs[0]["datatype"], object))}
        return {
            entry["name"]: numpy.asarray([row[entry["name"]] for row in rows], DTYPES.get(entry["datatype"], object)) for entry in inputs
        }
    except (KeyError, TypeError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"example.json does not fit the inputs of the model: {error!r}") from error


def made_up(inputs: list[dict[str, Any]], rows: int) -> Tensors | None:
    """Tensors of small numbers that differ by row, or None for inputs of a datatype or a rank that nobody knows."""
    tensors: Tensors = {}
    for entry in inputs:
        shape, datatype = entry["shape"], entry["datatype"]
        if datatype == "BF16":
            datatype = "FP32"
        if datatype != "BYTES" and datatype not in DTYPES:
            return None
        sizes = [rows if axis == 0 and size == -1 else MADE_UP_SIZE if size == -1 else size for axis, size in enumerate(shape)]
        count = int(numpy.prod(sizes, dtype=numpy.int64))
        if datatype == "BYTES":
            tensors[entry["name"]] = numpy.array([f"example {index}" for index in range(count)], object).reshape(sizes)
        else:
            tensors[entry["name"]] = (numpy.arange(count) % 2).astype(DTYPES[datatype]).reshape(sizes)
    return tensors


def first_rows(tensors: Tensors, inputs: list[dict[str, Any]], rows: int) -> Tensors:
    """The same with so many rows, in the inputs whose first dimension is variable."""
    variable = {entry["name"] for entry in inputs if entry["shape"] and entry["shape"][0] == -1}
    return {name: array[:rows] if name in variable else array for name, array in tensors.items()}


def _describe_outputs(signature: dict[str, Any], answers: Tensors) -> None:
    known = {entry["name"]: entry for entry in signature.get("outputs", [])}
    signature["outputs"] = [known.get(name) or _output_like(name, array) for name, array in answers.items()]


def _output_like(name: str, array: Any) -> dict[str, Any]:
    shape = list(numpy.shape(array))
    return {"name": name, "datatype": datatype_of(array), "shape": [-1, *shape[1:]] if shape else []}


def _datatype(signature: dict[str, Any], name: str, array: Any) -> str:
    declared = next((entry["datatype"] for entry in signature["inputs"] if entry["name"] == name), None)
    return declared if declared in (*DTYPES, "BYTES") else datatype_of(array)


def _rows_are_independent(name: str, method: Method, tensors: Tensors) -> bool:
    inputs = method.signature["inputs"]
    if not inputs or any(not entry["shape"] or entry["shape"][0] != -1 for entry in inputs):
        return False
    both = first_rows(tensors, inputs, 2)
    if any(len(array) != 2 for array in both.values()):
        both = {key: _two_rows(array[:1]) for key, array in tensors.items()}
    try:
        rows = [{key: array[index : index + 1] for key, array in both.items()} for index in range(2)]
        together, *apart = [answer(method, Call(name, Payload("tensors", each))) for each in (both, *rows)]
        return is_batchable(True, {key: numpy.asarray(value) for key, value in together.items()}, apart, NETWORK_TOLERANCE)
    except Exception:
        return False


def _two_rows(row: numpy.ndarray) -> numpy.ndarray:
    """The only row, and one that differs from it in every number that can be another."""
    return numpy.concatenate([row, row + 1 if row.dtype.kind in "iuf" else row])
