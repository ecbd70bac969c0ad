"""A request as a data frame with one column for each tensor."""

from __future__ import annotations

from typing import Any

from mlserver.codecs.base import RequestCodec, with_batch_dimension
from mlserver.codecs.numpy import DTYPES, datatype_of
from mlserver.types import InferenceRequest, InferenceResponse, Parameters, RequestInput, ResponseOutput


class PandasCodec(RequestCodec):
    ContentType = "pd"

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        import pandas

        return isinstance(payload, pandas.DataFrame)

    @classmethod
    def encode_outputs(cls, payload: Any, use_bytes: bool = True) -> list[ResponseOutput]:
        return [_output(str(name), payload[name], use_bytes) for name in payload]

    @classmethod
    def encode_response(
        cls, model_name: str, payload: Any, model_version: str | None = None, use_bytes: bool = True, **options: Any
    ) -> InferenceResponse:
        return InferenceResponse(
            model_name=model_name,
            model_version=model_version,
            parameters=Parameters(content_type=cls.ContentType),
            outputs=cls.encode_outputs(payload, use_bytes),
        )

    @classmethod
    def encode_request(cls, payload: Any, use_bytes: bool = True, **options: Any) -> InferenceRequest:
        inputs = [RequestInput(**vars(output)) for output in cls.encode_outputs(payload, use_bytes)]
        return InferenceRequest(parameters=Parameters(content_type=cls.ContentType), inputs=inputs)

    @classmethod
    def decode_request(cls, request: InferenceRequest) -> Any:
        return _frame(request.inputs)

    @classmethod
    def decode_response(cls, response: InferenceResponse) -> Any:
        return _frame(response.outputs)


def _frame(tensors: Any) -> Any:
    import pandas

    return pandas.DataFrame({each.name: pandas.Series(list(each.data), dtype=DTYPES.get(each.datatype)) for each in tensors})


def _output(name: str, column: Any, use_bytes: bool) -> ResponseOutput:
    datatype = datatype_of(column.dtype)
    values = [None if each != each else each for each in column.tolist()]
    is_text = datatype == "BYTES" and all(isinstance(each, (str, bytes)) for each in values)
    data = [each.encode() if use_bytes and isinstance(each, str) else each for each in values]
    parameters = Parameters(content_type="str") if is_text else None
    return ResponseOutput(name=name, shape=with_batch_dimension([len(values)]), datatype=datatype, data=data, parameters=parameters)
