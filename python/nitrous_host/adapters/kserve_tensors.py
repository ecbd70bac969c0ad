"""Tensors of a call as KServe's InferRequest, and what its models answer as payloads."""

from __future__ import annotations

import functools
from typing import Any

from nitrous_host.custom import results
from nitrous_host.errors import HostError
from nitrous_host.payload import Call, Payload
from nitrous_host.tensors import DTYPES, datatype_of, numpy


def infer_request(call: Call, model: str) -> Any:
    """The tensors of a call as an InferRequest; a list of an input's elements is only made when the model asks for it."""
    from kserve import InferRequest

    inputs = [_input(name, array) for name, array in call.payload.value.items()]
    requested = None
    if call.outputs:
        from kserve.protocol.infer_type import RequestedOutput

        requested = [RequestedOutput(name) for name in call.outputs]
    return InferRequest(model_name=model, infer_inputs=inputs, parameters=dict(call.parameters), request_outputs=requested)


def _input(name: str, array: Any) -> Any:
    tensor = _input_class()(name, list(array.shape), datatype_of(array))
    tensor.array = array
    return tensor


@functools.cache
def _input_class() -> Any:
    from kserve import InferInput

    class TensorInput(InferInput):
        """`data` is the flat list that KServe reads from JSON, `as_numpy()` the array that came."""

        array: Any

        @property
        def data(self) -> Any:
            if self._data is None:
                self._data = self.array.reshape(-1).tolist()
            return self._data

        @data.setter
        def data(self, data: Any) -> None:
            self._data = data

        def as_numpy(self) -> Any:
            return self.array if self._data is None and self._raw_data is None else super().as_numpy()

        def as_string(self) -> list[str]:
            return [each.decode() if isinstance(each, bytes) else each for each in self.data]

    return TensorInput


def to_payload(answer: Any, call: Call) -> Payload:
    """
    Of an InferResponse, or the dict of one, its outputs as tensors; anything else as from a custom model, and for a V1 request the
    body as it is. Raises HostError INTERNAL.
    """
    if hasattr(answer, "outputs") and hasattr(answer, "model_name"):
        return Payload("tensors", {output.name: _output(output) for output in answer.outputs})
    if _is_response(answer):
        return Payload("tensors", {each["name"]: _array(each["name"], each["datatype"], each["shape"], each["data"]) for each in answer["outputs"]})
    kind = call.payload.kind
    if kind != "tensors" and isinstance(answer, dict):
        return Payload("json", results.plain(answer))
    return results.to_payload(answer, kind, None)


def _is_response(answer: Any) -> bool:
    outputs = answer.get("outputs") if isinstance(answer, dict) else None
    return isinstance(outputs, list) and all(isinstance(each, dict) and {"name", "shape", "datatype", "data"} <= each.keys() for each in outputs)


def _output(output: Any) -> Any:
    if output.data is None:
        return output.as_numpy()
    return _array(output.name, output.datatype, output.shape, output.data)


def _texts(array: Any) -> Any:
    """Text and bytes as they are, and what KServe's server writes as text in JSON, such as times."""
    texts = [each if isinstance(each, (str, bytes)) else results.plain(each) for each in array.flat]
    if not all(isinstance(each, (str, bytes)) for each in texts):
        raise TypeError("its elements are neither text nor bytes")
    whole = numpy.empty(len(texts), dtype=object)
    whole[:] = texts
    return whole.reshape(array.shape)


def _array(name: str, datatype: str, shape: list[int], data: Any) -> Any:
    dtype = object if datatype == "BYTES" else DTYPES.get(datatype)
    if dtype is None:
        raise HostError("INTERNAL", f"output '{name}' has the unknown datatype {datatype}")
    try:
        array = numpy.asarray(data, dtype).reshape(shape)
        return _texts(array) if datatype == "BYTES" else array
    except (TypeError, ValueError) as error:
        raise HostError("INTERNAL", f"output '{name}' does not hold {datatype} of shape {list(shape)}: {error}") from error
