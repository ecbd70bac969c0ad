"""BentoML's annotations of methods in the words of custom models' type hints."""

from __future__ import annotations

import inspect
import pathlib
import typing
from typing import Annotated, Any, Callable

import numpy

from nitrous_host.errors import HostError
from nitrous_host.tensors import DATATYPES

CONTEXTS = ("ctx", "context")


def plain_hints(function: Callable[..., Any], name: str) -> None:
    """
    Writes `Annotated[numpy.ndarray, DType("float32"), Shape((-1, 4))]` as "FP32[-1,4]". Raises HostError UNIMPLEMENTED for methods
    that ask for what only BentoML's own server has.
    """
    parameters = list(inspect.signature(function).parameters.values())[1:]
    for parameter in parameters:
        if parameter.name in CONTEXTS:
            raise HostError("UNIMPLEMENTED", f"{name} takes BentoML's request context ({parameter.name}), which is not served")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except Exception:  # Names that are only there for a type checker.
        return
    for key, hint in hints.items():
        if isinstance(hint, type) and issubclass(hint, pathlib.PurePath):
            raise HostError("UNIMPLEMENTED", f"{name} takes or gives a file by its path ({key}), which is not served: use bytes")
        hints[key] = _plain(hint)
    function.__annotations__ = hints


def _plain(hint: Any) -> Any:
    metadata = getattr(hint, "__metadata__", ())
    dtype = next((entry.dtype for entry in metadata if hasattr(entry, "dtype")), None)
    shape = next((entry.dimensions for entry in metadata if hasattr(entry, "dimensions")), None)
    if dtype is None:
        return hint
    base = typing.get_args(hint)[0]
    found = numpy.dtype(dtype)
    datatype = DATATYPES.get(found.str[1:])
    if datatype is None or shape is None:
        return numpy.ndarray[Any, found.type] if datatype and base is numpy.ndarray else hint
    return Annotated[base, f"{datatype}[{','.join(map(str, shape))}]"]
