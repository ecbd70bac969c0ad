"""Requests that come with a model: example.json beside it, or the input example that was saved in its folder."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy

from nitrous_host.examples import tensor_json
from nitrous_host.mlflow_models.signature import Signature, TensorInput
from nitrous_host.payload import Payload

SERVING_EXAMPLE = "serving_input_example.json"
# Characters of an example in a description, which everybody gets who asks for the model.
LONGEST_EXAMPLE = 20_000
# Two values of each type, for rows that differ.
VALUES: dict[str, tuple[Any, Any]] = {
    "boolean": (False, True),
    "integer": (0, 1),
    "long": (0, 1),
    "float": (0.0, 1.0),
    "double": (0.0, 1.0),
    "string": ("a", "b"),
    "binary": ("", "AA=="),
    "datetime": ("2000-01-01T00:00:00", "2000-01-02T00:00:00"),
    "array": ([], []),
    "object": ({}, {}),
    "map": ({}, {}),
    "any": ("a", "b"),
    "sparkml_vector": ([0.0], [1.0]),
}


def saved_example(directory: str) -> Payload | None:
    """The input example that MLflow saved for serving; None when there is none that can be read."""
    path = os.path.join(directory, SERVING_EXAMPLE)
    try:
        with open(path, encoding="utf-8") as file:
            return _payload(json.load(file))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _payload(example: Any) -> Payload | None:
    """Of a request in the form of MLflow's own server."""
    if "dataframe_split" in example:
        split = example["dataframe_split"]
        return Payload("rows", [dict(zip(map(str, split["columns"]), row)) for row in split["data"]] if "columns" in split else split["data"])
    if "dataframe_records" in example:
        return Payload("rows", list(example["dataframe_records"]))
    values = example.get("instances", example.get("inputs"))
    if isinstance(values, list):
        return Payload("rows", values)
    return Payload("columns", values) if isinstance(values, dict) else None


def made_up_example(signature: Signature) -> Payload | None:
    """Two rows that fit the signature; None when it says too little."""
    if signature.columns:
        if any(column.name is None for column in signature.columns):
            return Payload("rows", [[VALUES[column.type][row] for column in signature.columns] for row in range(2)])
        return Payload("columns", {str(column.name): list(VALUES[column.type]) for column in signature.columns})
    if not signature.tensors:
        return None
    arrays = {tensor.name or "input-0": _array(tensor) for tensor in signature.tensors}
    return None if any(array is None for array in arrays.values()) else Payload("tensors", arrays)


def _array(tensor: TensorInput) -> Any:
    if tensor.dtype.kind not in "biuf" or -1 in tensor.shape[1:]:
        return None
    sizes = [2 if size == -1 else size for size in tensor.shape]
    array = numpy.zeros(sizes, tensor.dtype)
    if sizes:
        array[1:] = 1
    return array


def request_of(payload: Payload, specifications: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The example as a client can send it over HTTP: one row. None when it is too long for a description."""
    if payload.kind == "rows":
        example: dict[str, Any] = {"instances": payload.value[:1]}
    elif payload.kind == "columns" and all(isinstance(values, list) for values in payload.value.values()):
        example = {"instances": [{name: values[0] for name, values in payload.value.items() if values}]}
    elif payload.kind == "tensors" and all(array.ndim > 0 for array in payload.value.values()):
        datatypes = {specification["name"]: specification["datatype"] for specification in specifications}
        arrays = {name: array[:1] for name, array in payload.value.items()}
        example = {"inputs": [tensor_json(name, datatypes.get(name, "FP64"), array) for name, array in arrays.items()]}
    else:
        return None
    return example if len(json.dumps(example, default=str)) <= LONGEST_EXAMPLE else None
