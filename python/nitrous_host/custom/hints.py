"""Type hints of a custom model's methods, as far as they say what tensors or JSON a method takes and gives."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import sys
import types
import typing
from dataclasses import dataclass
from typing import Any, Callable

from nitrous_host.custom import specifications
from nitrous_host.tensors import DATATYPES, numpy

SCALARS: dict[Any, str] = {int: "INT64", float: "FP64", bool: "BOOL", str: "BYTES", bytes: "BYTES"}
LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
STREAMS = (collections.abc.Iterator, collections.abc.Generator, collections.abc.AsyncIterator, collections.abc.AsyncGenerator)
IMAGE = "image"


@dataclass(frozen=True)
class Hint:
    """
    `kind`: "value" is one int, float, bool, str, bytes or image, "json" a dict or an object of pydantic's, "record" a TypedDict or a
    dataclass, each in `depth` lists; "array" a numpy array, "arrays" a dict of them by name, "frame" a data frame; "any" is no hint.
    """

    kind: str = "any"
    # The Python type of a value; IMAGE for pictures.
    type: Any = None
    datatype: str | None = None
    depth: int = 0
    # Written out by Annotated[..., "FP32[-1,4]"].
    shape: tuple[int, ...] | None = None
    optional: bool = False
    choices: tuple[Any, ...] = ()
    # Of a record by name; None for a dict whose keys are not known.
    fields: dict[str, "Hint"] | None = None
    # Of those, the ones that may be left out.
    defaults: frozenset[str] = frozenset()
    streams: bool = False

    @property
    def is_single(self) -> bool:
        """One value of one row."""
        if self.kind == "record" and self.fields and self.depth == 0:
            return any(field.is_single for field in self.fields.values())
        return self.kind in ("value", "json") and self.depth == 0 and self.shape is None


ANY = Hint()


def hints_of(function: Callable[..., Any]) -> dict[str, Hint]:
    """Hints by parameter, and "return". A hint whose names cannot be resolved is none."""
    function = inspect.unwrap(function)
    function = getattr(function, "__func__", function)
    annotations = getattr(function, "__annotations__", {})
    try:
        resolved = typing.get_type_hints(function, include_extras=True)
    except Exception:
        names = getattr(function, "__globals__", {})
        resolved = {name: _resolve(annotation, names) for name, annotation in annotations.items()}
    return {name: read(annotation) for name, annotation in resolved.items()}


def _resolve(annotation: Any, names: dict[str, Any]) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, dict(names))
    except Exception:
        return Any


def read(annotation: Any) -> Hint:
    """The hint of an annotation; ANY for what says nothing about requests."""
    annotation = getattr(annotation, "__supertype__", annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _annotated(read(arguments[0]), annotation.__metadata__)
    if origin is typing.Union or origin is getattr(types, "UnionType", None):
        others = [argument for argument in arguments if argument is not type(None)]
        inner = read(others[0]) if len(others) == 1 else ANY
        return dataclasses.replace(inner, optional=len(others) < len(arguments))
    if origin is typing.Literal:
        return dataclasses.replace(read(type(arguments[0])), choices=arguments)
    if annotation in STREAMS or origin in STREAMS:
        return dataclasses.replace(read(arguments[0]) if arguments else ANY, streams=True)
    if annotation in LISTS or origin in LISTS:
        return _list(origin or annotation, arguments)
    if annotation in (dict, collections.abc.Mapping) or origin in (dict, collections.abc.Mapping):
        return _mapping(arguments)
    return _class(annotation, origin, arguments)


def _annotated(base: Hint, metadata: tuple[Any, ...]) -> Hint:
    for entry in metadata:
        parsed = specifications.parse(entry)
        if parsed is not None:
            kind = base.kind if base.kind in ("value", "array") else "array"
            return dataclasses.replace(base, kind=kind, datatype=parsed[0], shape=tuple(parsed[1]))
    return base


def _list(origin: Any, arguments: tuple[Any, ...]) -> Hint:
    if origin is tuple and not (len(arguments) == 2 and arguments[1] is ...):
        return ANY
    inner = read(arguments[0]) if arguments else ANY
    if inner.kind in ("value", "json", "record") and not inner.optional and inner.shape is None:
        return dataclasses.replace(inner, depth=inner.depth + 1)
    return ANY


def _mapping(arguments: tuple[Any, ...]) -> Hint:
    inner = read(arguments[1]) if len(arguments) == 2 else ANY
    if inner.kind in ("array", "frame"):
        return Hint("arrays")
    return Hint("json", dict)


def _class(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> Hint:
    if annotation in SCALARS:
        return Hint("value", annotation, SCALARS[annotation])
    if numpy is not None and (annotation is numpy.ndarray or origin is numpy.ndarray):
        element = typing.get_args(arguments[1]) if len(arguments) == 2 else ()
        return Hint("array", datatype=_datatype_of(element[0]) if element else None)
    if not isinstance(annotation, type):
        return ANY
    place = f"{annotation.__module__}.{annotation.__qualname__}"
    if place == "PIL.Image.Image":
        return Hint("value", IMAGE, "BYTES")
    if annotation.__module__.partition(".")[0] == "pandas" and annotation.__name__ == "DataFrame":
        return Hint("frame")
    datatype = _datatype_of(annotation)
    if datatype is not None:
        return Hint("value", annotation, datatype)
    if hasattr(annotation, "model_validate"):
        return Hint("json", annotation)
    if _is_typed_dict(annotation) or dataclasses.is_dataclass(annotation) or hasattr(annotation, "_fields"):
        return Hint("record", annotation, fields=_fields_of(annotation), defaults=_defaults_of(annotation))
    return ANY


def _datatype_of(element: Any) -> str | None:
    if numpy is None or not isinstance(element, type) or not issubclass(element, numpy.generic):
        return None
    try:
        return DATATYPES.get(numpy.dtype(element).str[1:])
    except TypeError:
        return None


def _is_typed_dict(annotation: type) -> bool:
    return issubclass(annotation, dict) and hasattr(annotation, "__total__")


def _defaults_of(record: type) -> frozenset[str]:
    if dataclasses.is_dataclass(record):
        missing = dataclasses.MISSING
        return frozenset(each.name for each in dataclasses.fields(record) if each.default is not missing or each.default_factory is not missing)
    return frozenset(getattr(record, "__optional_keys__", ())) | frozenset(getattr(record, "_field_defaults", ()))


def _fields_of(record: type) -> dict[str, Hint]:
    try:
        resolved = typing.get_type_hints(record, include_extras=True)
    except Exception:
        names = vars(sys.modules.get(record.__module__, typing))
        resolved = {name: _resolve(annotation, names) for name, annotation in record.__annotations__.items()}
    return {name: read(annotation) for name, annotation in resolved.items()}
