"""Requests and answers of the Open Inference Protocol as objects."""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar

from mlserver.records import Record, list_of


class Datatype(Enum):
    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"


class Parameters(Record):
    EXTRA: ClassVar[bool] = True
    content_type: str | None = None
    headers: Any = None


class TensorData(list):  # type: ignore[type-arg]
    """The flat list of a tensor's elements; `root` is what pydantic calls it."""

    @property
    def root(self) -> list[Any]:
        return list(self)


def _data(values: Any) -> TensorData:
    return TensorData([values] if isinstance(values, (str, bytes)) else values.reshape(-1).tolist() if hasattr(values, "reshape") else values)


def _datatype(value: Any) -> str:
    return Datatype(getattr(value, "value", value)).value


class MetadataTensor(Record):
    CONVERT: ClassVar[dict[str, Any]] = {"datatype": _datatype, "parameters": Parameters.model_validate}
    name: str
    datatype: str
    shape: list[int]
    parameters: Any = None


class RequestInput(Record):
    CONVERT: ClassVar[dict[str, Any]] = {"datatype": _datatype, "parameters": Parameters.model_validate, "data": _data}
    name: str
    shape: list[int]
    datatype: str
    parameters: Any = None
    data: Any


class ResponseOutput(RequestInput):
    pass


class RequestOutput(Record):
    CONVERT: ClassVar[dict[str, Any]] = {"parameters": Parameters.model_validate}
    name: str
    parameters: Any = None


class InferenceRequest(Record):
    CONVERT: ClassVar[dict[str, Any]] = {"parameters": Parameters.model_validate, "inputs": list_of(RequestInput), "outputs": list_of(RequestOutput)}
    id: str | None = None
    parameters: Any = None
    inputs: list[RequestInput]
    outputs: Any = None


class InferenceResponse(Record):
    CONVERT: ClassVar[dict[str, Any]] = {"parameters": Parameters.model_validate, "outputs": list_of(ResponseOutput)}
    model_name: str
    model_version: str | None = None
    id: str | None = None
    parameters: Any = None
    outputs: list[ResponseOutput]
