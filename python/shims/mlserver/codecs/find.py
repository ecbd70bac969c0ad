"""Codecs by the content type that a request or a model's settings name, and by what a model answers."""

from __future__ import annotations

from typing import Any

from mlserver.codecs.numpy import NumpyCodec, NumpyRequestCodec
from mlserver.codecs.pandas import PandasCodec
from mlserver.codecs.string import StringCodec, StringRequestCodec

INPUT = (NumpyCodec, StringCodec)
REQUEST = (NumpyRequestCodec, StringRequestCodec, PandasCodec)


def input_codec(content_type: str | None) -> Any:
    return next((codec for codec in INPUT if codec.ContentType == content_type), None)


def request_codec(content_type: str | None) -> Any:
    return next((codec for codec in REQUEST if codec.ContentType == content_type), None)


def codec_for_payload(payload: Any) -> Any:
    return next((codec for codec in INPUT if codec.can_encode(payload)), None)


def request_codec_for_payload(payload: Any) -> Any:
    kinds = REQUEST if hasattr(payload, "columns") else REQUEST[:2]
    return next((codec for codec in kinds if codec.can_encode(payload)), None)
