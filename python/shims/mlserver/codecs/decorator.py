"""`@decode_args`: predict takes Python objects by name, and answers them."""

from __future__ import annotations

import functools
import types
import typing
from typing import Any, Callable

import numpy

from mlserver.codecs.numpy import NumpyCodec
from mlserver.codecs.pandas import PandasCodec
from mlserver.codecs.string import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


def decode_args(predict: Callable[..., Any]) -> Callable[..., Any]:
    """The codecs are those of the type hints: numpy.ndarray, list[str], pandas.DataFrame, or Optional of these."""
    hints = typing.get_type_hints(predict)
    answers = hints.pop("return", None)
    inputs = {name: _codec(hint) for name, hint in hints.items()}
    outputs = [_codec(hint) for hint in (typing.get_args(answers) if typing.get_origin(answers) is tuple else [answers])]

    @functools.wraps(predict)
    async def decoded(self: Any, request: InferenceRequest) -> InferenceResponse:
        values = await predict(self, **_arguments(request, inputs))
        encoded: list[Any] = []
        for index, (value, codec) in enumerate(zip(values if len(outputs) > 1 else [values], outputs)):
            encoded += codec.encode_outputs(value) if codec is PandasCodec else [codec.encode_output(f"output-{index}", value)]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=encoded)

    return decoded


def _arguments(request: InferenceRequest, codecs: dict[str, Any]) -> dict[str, Any]:
    """Inputs by their names; those that no argument is called after are the columns of the data frame, when there is one."""
    single = {each.name: codecs[each.name].decode_input(each) for each in request.inputs if codecs.get(each.name) not in (None, PandasCodec)}
    rest = [each for each in request.inputs if each.name not in single]
    frame = next((name for name, codec in codecs.items() if codec is PandasCodec), None)
    if rest and frame is None:
        raise ValueError(f"Invalid inputs: {', '.join(each.name for each in rest)}; the model takes {', '.join(codecs)}")
    return {**single, **({frame: PandasCodec.decode_request(InferenceRequest(inputs=rest))} if frame and rest else {})}


def _codec(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
    if hint is numpy.ndarray or typing.get_origin(hint) is numpy.ndarray:
        return NumpyCodec
    if typing.get_origin(hint) is list and typing.get_args(hint) == (str,):
        return StringCodec
    if getattr(hint, "__name__", "") == "DataFrame":
        return PandasCodec
    raise TypeError(f"decode_args has no codec for {hint}; it knows numpy.ndarray, list[str] and pandas.DataFrame")
