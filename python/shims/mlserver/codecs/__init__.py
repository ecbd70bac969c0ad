"""Between tensors and what Python works with: numpy arrays, texts and data frames."""

from mlserver.codecs.base import InputCodec, RequestCodec
from mlserver.codecs.decorator import decode_args
from mlserver.codecs.numpy import NumpyCodec, NumpyRequestCodec
from mlserver.codecs.pandas import PandasCodec
from mlserver.codecs.string import StringCodec, StringRequestCodec

__all__ = ["InputCodec", "NumpyCodec", "NumpyRequestCodec", "PandasCodec", "RequestCodec", "StringCodec", "StringRequestCodec", "decode_args"]
