"""A tensor as a numpy array."""

from __future__ import annotations

from typing import Any

import numpy

from mlserver.codecs.base import InputCodec, SingleInputRequestCodec, with_batch_dimension
from mlserver.types import Parameters, ResponseOutput

SIZES = (8, 16, 32, 64)
DTYPES = {
    "BOOL": "bool",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    **{f"INT{size}": f"int{size}" for size in SIZES},
    **{f"UINT{size}": f"uint{size}" for size in SIZES},
}


def datatype_of(dtype: Any) -> str:
    return next((name for name, each in DTYPES.items() if dtype == each), "BYTES")


class NumpyCodec(InputCodec):
    ContentType = "np"

    @classmethod
    def can_encode(cls, payload: Any) -> bool:
        return isinstance(payload, numpy.ndarray)

    @classmethod
    def encode_output(cls, name: str, payload: Any, **options: Any) -> ResponseOutput:
        data = [each.encode() if isinstance(each, str) else each for each in payload.reshape(-1).tolist()]
        return ResponseOutput(
            name=name,
            datatype=datatype_of(payload.dtype),
            shape=with_batch_dimension(list(payload.shape)),
            data=data,
            parameters=Parameters(content_type=cls.ContentType),
        )

    @classmethod
    def decode_input(cls, request_input: Any) -> Any:
        dtype = DTYPES.get(request_input.datatype, str if all(isinstance(each, str) for each in request_input.data) else object)
        return numpy.array(list(request_input.data), dtype=dtype).reshape(request_input.shape)


class NumpyRequestCodec(SingleInputRequestCodec):
    ContentType = "np"
    InputCodec = NumpyCodec
