"""Example requests: example.json beside a model, and the examples of descriptions."""

from __future__ import annotations

import json
from typing import Any

from nitrous_host import tensors
from nitrous_host.errors import HostError
from nitrous_host.payload import Payload


def read_example(path: str) -> tuple[dict[str, Any], Payload]:
    """
    What an example.json says, with `inputs` of the Open Inference Protocol or V1 `instances`, and the payload of it.
    Raises HostError INVALID_ARGUMENT.
    """
    try:
        with open(path, encoding="utf-8") as file:
            example = json.load(file)
    except (OSError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"example.json cannot be read: {error}") from error
    return example, payload_of(example)


def payload_of(example: Any) -> Payload:
    """The payload of a request in JSON. Raises HostError INVALID_ARGUMENT."""
    if isinstance(example, dict) and isinstance(example.get("instances"), list):
        return Payload("rows", example["instances"])
    if isinstance(example, dict) and isinstance(example.get("inputs"), list):
        try:
            return Payload("tensors", {tensor["name"]: _array(tensor) for tensor in example["inputs"]})
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise HostError("INVALID_ARGUMENT", f"example.json has an input that is no tensor: {error!r}") from error
    raise HostError("INVALID_ARGUMENT", "example.json has neither a list of inputs nor a list of instances")


def tensor_json(name: str, datatype: str, array: Any) -> dict[str, Any]:
    """An array as a tensor in the Open Inference Protocol's JSON."""
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": array.reshape(-1).tolist()}


def _array(tensor: dict[str, Any]) -> Any:
    datatype = tensor["datatype"]
    dtype = object if datatype == "BYTES" else tensors.DTYPES.get(datatype)
    if dtype is None or tensors.numpy is None:
        raise TypeError(f"the datatype {datatype} cannot be read from JSON here")
    return tensors.numpy.asarray(tensor["data"], dtype=dtype).reshape(tensor["shape"])
