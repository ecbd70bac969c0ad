"""A tensor as a list of texts."""

from __future__ import annotations

from typing import Any

from mlserver.codecs.base import InputCodec, SingleInputRequestCodec
from mlserver.types import Parameters, ResponseOutput


class StringCodec(InputCodec):
    ContentType = "str"

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        return isinstance(payload, list) and all(isinstance(each, str) for each in payload)

    @classmethod
    def encode_output(cls, name: str, payload: Any, use_bytes: bool = True, **options: Any) -> ResponseOutput:
        data = [each.encode() for each in payload] if use_bytes else list(payload)
        return ResponseOutput(name=name, datatype="BYTES", shape=[len(payload), 1], data=data, parameters=Parameters(content_type=cls.ContentType))

    @classmethod
    def decode_input(cls, request_input: Any) -> list[str]:
        return [each.decode() if isinstance(each, bytes) else each for each in request_input.data]


class StringRequestCodec(SingleInputRequestCodec):
    ContentType = "str"
    InputCodec = StringCodec
