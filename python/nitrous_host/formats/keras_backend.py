"""Keras' backends: tensors between them and numpy, and how each of them calls a model fast."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable

import keras
import numpy

from nitrous_host.errors import summary

# How Keras begins its messages about exceptions in layers.
WRAPPED = "Exception encountered when calling"


@dataclass
class Backend:
    """What a method needs of a backend; `misfits` are its own exceptions for tensors that do not fit."""

    wrap: Callable[[Callable[[Any], Any]], Callable[[Any], Any]]
    to_tensor: Callable[[numpy.ndarray, Any], Any]
    from_tensor: Callable[[Any], numpy.ndarray]
    misfits: tuple[type[Exception], ...]
    explain: Callable[[Exception], str]


def backend_of(threads: int) -> Backend:
    """The backend that Keras runs on, with so many threads."""
    name = keras.backend.backend()
    if name == "tensorflow":
        return _tensorflow(threads)
    if name == "torch":
        return _torch(threads)
    return Backend(lambda function: function, _convert, _to_numpy, (), _telling_line)


def _tensorflow(threads: int) -> Backend:
    import tensorflow

    from nitrous_host.formats import tensorflow_tensors

    tensorflow_tensors.limit_threads(threads)

    def wrap(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return tensorflow.function(function, reduce_retracing=True)

    def to_tensor(array: numpy.ndarray, dtype: Any) -> Any:
        return tensorflow_tensors.to_tensor("of the model", array, tensorflow.as_dtype(dtype))

    def explain(error: Exception) -> str:
        return _telling_line(error) if WRAPPED in str(error) else tensorflow_tensors.explain(error)

    return Backend(wrap, to_tensor, tensorflow_tensors.from_tensor, tensorflow_tensors.MISFITS, explain)


def _torch(threads: int) -> Backend:
    import torch

    torch.set_num_threads(threads)

    def wrap(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return torch.inference_mode()(function)

    return Backend(wrap, _convert, _to_numpy, (RuntimeError,), _telling_line)


def _convert(array: numpy.ndarray, dtype: Any) -> Any:
    return keras.ops.convert_to_tensor(array, dtype=dtype)


def _to_numpy(tensor: Any) -> numpy.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def _telling_line(error: Exception) -> str:
    """The first line that is not about where Keras was, without the codes that make it bold."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and not line.startswith(WRAPPED)), summary(error))[:500]
