"""Keras' backends: tensors between them and numpy, and how each of them calls a model fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

import keras
import numpy

from nitrous_host.errors import summary


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
    return Backend(lambda function: function, _convert, _to_numpy, (), _first_line)


def _tensorflow(threads: int) -> Backend:
    import tensorflow

    from nitrous_host.formats import tensorflow_tensors

    tensorflow_tensors.limit_threads(threads)

    def wrap(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return tensorflow.function(function, reduce_retracing=True)

    def to_tensor(array: numpy.ndarray, dtype: Any) -> Any:
        return tensorflow_tensors.to_tensor("of the model", array, tensorflow.as_dtype(dtype))

    return Backend(wrap, to_tensor, tensorflow_tensors.from_tensor, tensorflow_tensors.MISFITS, tensorflow_tensors.explain)


def _torch(threads: int) -> Backend:
    import torch

    torch.set_num_threads(threads)

    def wrap(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return torch.inference_mode()(function)

    return Backend(wrap, _convert, _to_numpy, (RuntimeError,), _first_line)


def _convert(array: numpy.ndarray, dtype: Any) -> Any:
    return keras.ops.convert_to_tensor(array, dtype=dtype)


def _to_numpy(tensor: Any) -> numpy.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or summary(error)
