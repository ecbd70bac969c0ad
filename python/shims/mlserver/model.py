"""The interface of models, with helpers that turn tensors into what a model works with."""

from __future__ import annotations

from typing import Any, AsyncIterator

from mlserver.codecs.find import codec_for_payload, input_codec, request_codec, request_codec_for_payload
from mlserver.settings import ModelSettings
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor, RequestInput, RequestOutput, ResponseOutput


class MLModel:
    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self.ready = False

    async def load(self) -> bool:
        return True

    async def unload(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        raise NotImplementedError("predict() method not implemented")

    async def predict_stream(self, payloads: AsyncIterator[InferenceRequest]) -> AsyncIterator[InferenceResponse]:
        yield await self.predict(await payloads.__anext__())

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def version(self) -> str | None:
        return self._settings.version

    @property
    def settings(self) -> ModelSettings:
        return self._settings

    @property
    def inputs(self) -> list[MetadataTensor]:
        return self._settings.inputs

    @inputs.setter
    def inputs(self, value: list[MetadataTensor]) -> None:
        self._settings.inputs = value

    @property
    def outputs(self) -> list[MetadataTensor]:
        return self._settings.outputs

    @outputs.setter
    def outputs(self, value: list[MetadataTensor]) -> None:
        self._settings.outputs = value

    def decode(self, request_input: RequestInput, default_codec: Any = None) -> Any:
        """By the content type of the input or of its metadata, else by `default_codec`, else the elements as they are."""
        declared = next((each for each in self.inputs if each.name == request_input.name), None)
        codec = input_codec(_content_type(request_input) or _content_type(declared)) or default_codec
        return request_input.data if codec is None else codec.decode_input(request_input)

    def decode_request(self, inference_request: InferenceRequest, default_codec: Any = None) -> Any:
        """By the content type of the request or of the model's settings, else by `default_codec`, else the request itself."""
        codec = request_codec(_content_type(inference_request) or _content_type(self._settings)) or default_codec
        return inference_request if codec is None else codec.decode_request(inference_request)

    def encode(self, payload: Any, request_output: RequestOutput, default_codec: Any = None) -> ResponseOutput:
        codec = input_codec(_content_type(request_output)) or codec_for_payload(payload) or default_codec
        if codec is None:
            raise ValueError(f"no codec encodes a {type(payload).__name__}")
        return codec.encode_output(request_output.name, payload)

    def encode_response(self, payload: Any, default_codec: Any = None) -> InferenceResponse:
        codec = request_codec_for_payload(payload) or default_codec
        if codec is None:
            raise ValueError(f"no codec encodes a {type(payload).__name__}")
        return codec.encode_response(self.name, payload, self.version)


def _content_type(holder: Any) -> str | None:
    parameters = getattr(holder, "parameters", None)
    return None if parameters is None else parameters.content_type
