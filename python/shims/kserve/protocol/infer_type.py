"""Requests and answers of the Open Inference Protocol as objects."""

from __future__ import annotations

from typing import Any, Iterable

import numpy

from kserve.errors import InferenceError, InvalidInput
from kserve.utils.numpy_codec import from_np_dtype, to_np_dtype


class _Tensor:
    """`data` is the flat list of the elements; after `set_data_from_numpy(..., binary_data=True)` it is None, as in KServe."""

    def __init__(self, name: str, shape: list[int], datatype: str, data: Any = None, parameters: dict[str, Any] | None = None) -> None:
        self._name = name
        self._shape = shape
        self._datatype = datatype.upper()
        self._parameters = parameters
        self._data = data
        self._raw_data: numpy.ndarray | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def datatype(self) -> str:
        return self._datatype

    @property
    def data(self) -> Any:
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        self._data = data

    @property
    def shape(self) -> list[int]:
        return self._shape

    @shape.setter
    def shape(self, shape: list[int]) -> None:
        self._shape = shape

    @property
    def parameters(self) -> dict[str, Any] | None:
        return self._parameters

    @parameters.setter
    def parameters(self, parameters: dict[str, Any] | None) -> None:
        self._parameters = parameters

    def as_numpy(self) -> numpy.ndarray:
        """Raises InvalidInput for a datatype that numpy has not."""
        dtype = to_np_dtype(self.datatype)
        if dtype is None:
            raise InvalidInput(f"invalid datatype {self.datatype} in the input")
        data = self._data if self._raw_data is None else self._raw_data
        return numpy.array(data, dtype=dtype).reshape(self._shape)

    def set_data_from_numpy(self, tensor: numpy.ndarray, binary_data: bool = True) -> None:
        """Raises InferenceError for an array of another datatype or shape."""
        if not isinstance(tensor, numpy.ndarray):
            raise InferenceError("the tensor must be a numpy array")
        if self._datatype != from_np_dtype(tensor.dtype):
            raise InferenceError(f"got unexpected datatype {from_np_dtype(tensor.dtype)} from numpy array, expected {self._datatype}")
        if list(self._shape) != list(tensor.shape):
            raise InferenceError(f"got unexpected numpy array shape {list(tensor.shape)}, expected {list(self._shape)}")
        self._raw_data = tensor if binary_data else None
        self._data = None if binary_data else [each.decode() if isinstance(each, bytes) else each for each in tensor.reshape(-1).tolist()]

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "shape": self.shape, "datatype": self.datatype, "data": self.data, "parameters": self.parameters}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, _Tensor) and self.to_dict() == other.to_dict()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.to_dict()})"


class InferInput(_Tensor):
    def as_string(self) -> list[str]:
        """The elements of a BYTES tensor as text. Raises InvalidInput for another datatype."""
        if self.datatype != "BYTES":
            raise InvalidInput(f"invalid datatype {self.datatype} in the input")
        return [each.decode() if isinstance(each, bytes) else str(each) for each in numpy.ravel(numpy.array(self.data, dtype=object))]


class InferOutput(_Tensor):
    pass


class RequestedOutput:
    def __init__(self, name: str, parameters: dict[str, Any] | None = None) -> None:
        self.name = name
        self.parameters = parameters

    @property
    def binary_data(self) -> Any:
        return (self.parameters or {}).get("binary_data")


class InferRequest:
    def __init__(
        self,
        model_name: str,
        infer_inputs: list[InferInput],
        request_id: str | None = None,
        raw_inputs: Any = None,
        from_grpc: bool = False,
        parameters: dict[str, Any] | None = None,
        request_outputs: list[RequestedOutput] | None = None,
        model_version: str | None = None,
    ) -> None:
        self.id = request_id
        self.model_name = model_name
        self.inputs = infer_inputs
        self.parameters = parameters
        self.from_grpc = from_grpc
        self.request_outputs = request_outputs
        self.model_version = model_version

    @property
    def use_binary_outputs(self) -> bool:
        return bool((self.parameters or {}).get("binary_data_output", False))

    def get_input_by_name(self, name: str) -> InferInput | None:
        return _by_name(self.inputs, name)

    def as_dataframe(self) -> Any:
        """A data frame with one column for each input."""
        import pandas

        return pandas.DataFrame({each.name: each.data if each.datatype == "BYTES" else each.as_numpy().reshape(-1) for each in self.inputs})

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "model_name": self.model_name, "inputs": [each.to_dict() for each in self.inputs], "parameters": self.parameters}


class InferResponse:
    def __init__(
        self,
        response_id: str | None,
        model_name: str,
        infer_outputs: list[InferOutput],
        model_version: str | None = None,
        raw_outputs: Any = None,
        from_grpc: bool = False,
        parameters: dict[str, Any] | None = None,
        use_binary_outputs: bool = False,
        requested_outputs: list[RequestedOutput] | None = None,
    ) -> None:
        self.id = response_id
        self.model_name = model_name
        self.model_version = model_version
        self.outputs = infer_outputs
        self.parameters = parameters
        self.from_grpc = from_grpc

    @classmethod
    def from_rest(cls, response: dict[str, Any]) -> "InferResponse":
        """The object of a response in JSON."""
        outputs = [
            InferOutput(each["name"], list(each["shape"]), each["datatype"], each["data"], each.get("parameters"))
            for each in response["outputs"]
        ]
        return cls(response.get("id"), response.get("model_name", ""), outputs, response.get("model_version"), parameters=response.get("parameters"))

    def get_output_by_name(self, name: str) -> InferOutput | None:
        return _by_name(self.outputs, name)

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "model_name": self.model_name, "outputs": [each.to_dict() for each in self.outputs], "parameters": self.parameters}


def _by_name(tensors: Iterable[Any], name: str) -> Any:
    return next((tensor for tensor in tensors if tensor.name == name), None)
