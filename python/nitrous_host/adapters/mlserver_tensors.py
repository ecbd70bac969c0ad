"""Tensors of a call as MLServer's InferenceRequest, and its InferenceResponse as a payload."""

from __future__ import annotations

import math
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.payload import Call, Payload
from nitrous_host.tensors import DTYPES, datatype_of, numpy


def inference_request(call: Call, model: Any) -> Any:
    """V1 instances are one input, or one for each of their keys. Raises HostError INVALID_ARGUMENT."""
    from mlserver.types import InferenceRequest, Parameters, RequestInput, RequestOutput

    arrays = _arrays(call, [tensor.name for tensor in model.inputs or []])
    inputs = [
        RequestInput(name=name, shape=list(array.shape), datatype=datatype_of(array), data=array.reshape(-1).tolist())
        for name, array in arrays.items()
    ]
    parameters = Parameters(**call.parameters) if call.parameters else None
    outputs = [RequestOutput(name=name) for name in call.outputs] if call.outputs else None
    return InferenceRequest(inputs=inputs, parameters=parameters, outputs=outputs)


def to_payload(response: Any) -> Payload:
    """Raises HostError INTERNAL for what is no InferenceResponse, and for outputs that contradict themselves."""
    if not hasattr(response, "outputs"):
        raise HostError("INTERNAL", f"predict answered a {type(response).__name__}, not an InferenceResponse")
    return Payload("tensors", {output.name: _output(output) for output in response.outputs})


def _arrays(call: Call, declared: list[str]) -> dict[str, Any]:
    kind, value = call.payload.kind, call.payload.value
    if kind == "tensors":
        return value
    if kind == "columns":
        return {name: _array(name, values) for name, values in value.items()}
    if kind == "rows" and value and all(isinstance(row, dict) and row.keys() == value[0].keys() for row in value):
        return {name: _array(name, [row[name] for row in value]) for name in value[0]}
    if kind == "rows":
        name = declared[0] if len(declared) == 1 else "input-0"
        return {name: _array(name, value)}
    raise HostError("INVALID_ARGUMENT", "the model takes tensors or rows")


def _array(name: str, values: Any) -> Any:
    try:
        array = numpy.asarray(values)
    except ValueError:
        raise HostError("INVALID_ARGUMENT", f"input '{name}' is not rectangular") from None
    if array.dtype.kind == "U":
        return array.astype(object)
    if array.dtype.kind not in "biuf":
        raise HostError("INVALID_ARGUMENT", f"input '{name}' holds neither numbers nor texts alone")
    return array


def _output(output: Any) -> Any:
    datatype = getattr(output.datatype, "value", output.datatype)
    data = getattr(output.data, "root", output.data)
    count = math.prod(output.shape)
    if datatype == "BYTES":
        data = _elements(data, count)
    elif isinstance(data, list):
        # MLServer sends null for NaN.
        data = [math.nan if each is None else each for each in data]
    dtype = object if datatype == "BYTES" else DTYPES.get(datatype)
    try:
        return numpy.asarray(data, dtype).reshape(output.shape)
    except (TypeError, ValueError) as error:
        raise HostError("INTERNAL", f"output '{output.name}' does not hold {datatype} of shape {list(output.shape)}: {error}") from error


def _elements(data: Any, count: int) -> Any:
    """Elements of equal length may be one after the other in a single one."""
    values = [data] if isinstance(data, (str, bytes)) else list(data)
    if len(values) == 1 and count > 1 and isinstance(values[0], bytes) and len(values[0]) % count == 0:
        size = len(values[0]) // count
        values = [values[0][start : start + size].rstrip(b"\0") for start in range(0, len(values[0]), size)]
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array
