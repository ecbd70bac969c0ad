"""What codecs have in common: one tensor at a time, or a whole request."""

from __future__ import annotations

from typing import Any, ClassVar

from mlserver.types import InferenceRequest, InferenceResponse, RequestInput, ResponseOutput


class InputCodec:
    ContentType: ClassVar[str] = ""

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        return False

    @classmethod
    def encode_output(cls, name: str, payload: Any, **options: Any) -> ResponseOutput:
        raise NotImplementedError

    @classmethod
    def decode_input(cls, request_input: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def decode_output(cls, response_output: Any) -> Any:
        return cls.decode_input(response_output)

    @classmethod
    def encode_input(cls, name: str, payload: Any, **options: Any) -> RequestInput:
        return RequestInput(**vars(cls.encode_output(name, payload, **options)))


class RequestCodec:
    ContentType: ClassVar[str] = ""

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        return False

    @classmethod
    def encode_response(cls, model_name: str, payload: Any, model_version: str | None = None, **options: Any) -> InferenceResponse:
        raise NotImplementedError

    @classmethod
    def decode_request(cls, request: InferenceRequest) -> Any:
        raise NotImplementedError


class SingleInputRequestCodec(RequestCodec):
    """A request whose first input is all of it."""

    InputCodec: ClassVar[Any]

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        return cls.InputCodec.can_encode(payload)

    @classmethod
    def encode_response(cls, model_name: str, payload: Any, model_version: str | None = None, **options: Any) -> InferenceResponse:
        output = cls.InputCodec.encode_output("output-0", payload, **options)
        return InferenceResponse(model_name=model_name, model_version=model_version, outputs=[output])

    @classmethod
    def decode_response(cls, response: InferenceResponse) -> Any:
        return cls.InputCodec.decode_output(response.outputs[0])

    @classmethod
    def encode_request(cls, payload: Any, **options: Any) -> InferenceRequest:
        return InferenceRequest(inputs=[cls.InputCodec.encode_input("input-0", payload, **options)])

    @classmethod
    def decode_request(cls, request: InferenceRequest) -> Any:
        return cls.InputCodec.decode_input(request.inputs[0])


def with_batch_dimension(shape: list[int]) -> list[int]:
    """[N] is told as [N, 1]."""
    return shape if len(shape) > 1 else [*shape, 1]
