"""Signatures of MLflow models: columns or tensors in and out, and parameters with defaults."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy

from nitrous_host.errors import HostError
from nitrous_host.tensors import DATATYPES

# Scalar types of columns, and the datatypes that their tensors have.
DATATYPE_OF = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
    "binary": "BYTES",
    "datetime": "BYTES",
}
# Types whose values are JSON: lists, objects, and anything.
NESTED_TYPES = frozenset({"array", "object", "map", "any", "sparkml_vector"})


@dataclass
class Column:
    """One column; `name` is None where the signature gives none, and `type` one of MLflow's names."""

    name: str | None
    type: str
    required: bool = True

    @property
    def nested(self) -> bool:
        return self.type in NESTED_TYPES

    @property
    def datatype(self) -> str:
        return DATATYPE_OF.get(self.type, "BYTES")


@dataclass
class TensorInput:
    """One tensor; -1 in the shape is a variable dimension."""

    name: str | None
    dtype: numpy.dtype
    shape: list[int]

    @property
    def datatype(self) -> str:
        return DATATYPES.get(self.dtype.str[1:], "BYTES")


@dataclass
class Parameter:
    """A parameter of predict; `shape` [-1] is a list of values of the type, and None one value."""

    name: str
    type: str
    default: Any
    shape: list[int] | None = None


@dataclass
class Signature:
    """
    At most one of `columns` and `tensors` is not empty; a model without a signature of its inputs has neither. `from_hints`:
    the types of a Python function say what goes in, and MLflow checks it there.
    """

    columns: list[Column] = field(default_factory=list)
    tensors: list[TensorInput] = field(default_factory=list)
    outputs: list[Column | TensorInput] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    from_hints: bool = False

    @property
    def named(self) -> bool:
        entries = [*self.columns, *self.tensors]
        return bool(entries) and all(entry.name is not None for entry in entries)


def read_signature(value: Any, from_hints: bool = False) -> Signature:
    """The signature of an MLmodel, whose parts are JSON texts. Raises HostError INVALID_ARGUMENT."""
    if value is None:
        return Signature(from_hints=from_hints)
    if not isinstance(value, dict):
        raise HostError("INVALID_ARGUMENT", "the signature of MLmodel is no object")
    inputs = [_entry(entry) for entry in _list(value, "inputs")]
    return Signature(
        [entry for entry in inputs if isinstance(entry, Column)],
        [entry for entry in inputs if isinstance(entry, TensorInput)],
        [_entry(entry) for entry in _list(value, "outputs")],
        [_parameter(entry) for entry in _list(value, "params")],
        from_hints,
    )


def _list(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    text = value.get(key)
    if text is None:
        return []
    try:
        entries = json.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise HostError("INVALID_ARGUMENT", f"the signature's {key} in MLmodel are not JSON: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise HostError("INVALID_ARGUMENT", f"the signature's {key} in MLmodel are no list of objects")
    return entries


def _entry(entry: dict[str, Any]) -> Column | TensorInput:
    kind, name = entry.get("type"), entry.get("name")
    name = None if name is None else str(name)
    if kind == "tensor":
        specification = entry.get("tensor-spec") or {}
        try:
            dtype = numpy.dtype(specification["dtype"])
            return TensorInput(name, dtype, [int(size) for size in specification["shape"]])
        except (KeyError, TypeError, ValueError) as error:
            raise HostError("INVALID_ARGUMENT", f"the signature in MLmodel has a tensor that is none: {entry}") from error
    if kind not in DATATYPE_OF and kind not in NESTED_TYPES:
        raise HostError("INVALID_ARGUMENT", f"the signature in MLmodel has the unknown type {kind!r}")
    return Column(name, kind, entry.get("required") is not False)


def _parameter(entry: dict[str, Any]) -> Parameter:
    kind = entry.get("type") or entry.get("dtype")
    if "name" not in entry or "default" not in entry or (kind not in DATATYPE_OF and kind != "object"):
        raise HostError("INVALID_ARGUMENT", f"the signature in MLmodel has a parameter without name, type or default: {entry}")
    return Parameter(str(entry["name"]), kind, entry["default"], entry.get("shape"))
