"""What a client sent, as the arguments of a custom model's method, before their type hints convert them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, Callable, Sequence

from nitrous_host.errors import HostError
from nitrous_host.payload import Call
from nitrous_host.tensors import numpy

NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The named parameters of a bound method, and `**` where it takes any name."""
    parameters = inspect.signature(function).parameters.values()
    return [parameter for parameter in parameters if parameter.kind in (*NAMED, inspect.Parameter.VAR_KEYWORD)]


def takes_cancelled(parameter: inspect.Parameter) -> bool:
    """`predict(self, x, *, cancelled)` is given a function. Only behind the asterisk: an input may have that name."""
    return parameter.name == "cancelled" and parameter.kind is inspect.Parameter.KEYWORD_ONLY


@dataclass
class Inputs:
    """The names that a method takes, and how a request's payload is given to them."""

    method: str
    parameters: Sequence[inspect.Parameter]
    # Names whose arguments are JSON objects: rows that are objects are theirs and not one value for each name.
    objects: frozenset[str] = frozenset()
    names: list[str] = field(init=False)
    required: list[str] = field(init=False)

    def __post_init__(self) -> None:
        named = {parameter.name: parameter for parameter in self.parameters if parameter.kind in NAMED}
        self.names = list(named)
        self.required = [name for name, parameter in named.items() if parameter.default is inspect.Parameter.empty]
        self._takes_any = len(named) < len(self.parameters)
        # The argument that takes the only input, whatever that is called.
        wanted = self.required or self.names
        self._only = wanted[0] if len(wanted) == 1 and not self._takes_any else None

    def bind(self, call: Call) -> dict[str, Any]:
        """
        Arguments by name for all rows: tensors and columns by their names, or the only one for the only argument; rows whole for the
        only argument, else one list for each; what is left from the request's parameters. Raises HostError INVALID_ARGUMENT.
        """
        arguments = self._inputs_of(call)
        self.check(arguments)
        for name, value in call.parameters.items():
            if name in self.names:
                arguments.setdefault(name, value)
        self.check(arguments, complete=True)
        return arguments

    def bind_rows(self, call: Call) -> list[dict[str, Any]]:
        """The same for each row. Raises HostError INVALID_ARGUMENT."""
        rows = self._rows_of(call)
        from_parameters = {name: value for name, value in call.parameters.items() if name in self.names}
        for row in rows:
            self.check(row)
            for name, value in from_parameters.items():
                row.setdefault(name, value)
            self.check(row, complete=True)
        return rows

    def check(self, arguments: dict[str, Any], complete: bool = False) -> None:
        """Raises HostError INVALID_ARGUMENT for names that are unknown, and with `complete` for those that are missing."""
        unknown = [name for name in arguments if name not in self.names]
        if unknown and not self._takes_any:
            raise HostError("INVALID_ARGUMENT", f"unknown input {_names(unknown)}; {self.method} takes {_names(self.names)}")
        missing = [name for name in self.required if name not in arguments]
        if missing and complete:
            raise HostError(
                "INVALID_ARGUMENT", f"missing input {_names(missing)}; {self.method} takes {_names(self.names)}, got {_names(arguments)}"
            )

    def _inputs_of(self, call: Call) -> dict[str, Any]:
        kind, value = call.payload.kind, call.payload.value
        if kind == "tensors":
            inputs = dict(value)
        elif kind == "columns":
            inputs = {name: _array_if_numeric(values) for name, values in value.items()}
        elif kind == "rows" and self._are_named(value):
            return _transpose(value, self.names, self.method)
        elif self._only is not None:
            return {self._only: _array_if_numeric(value)}
        elif kind == "rows":
            return _transpose(value, self.names, self.method)
        else:
            raise HostError("INVALID_ARGUMENT", f"{self.method} takes {_names(self.names)}; give each by name")
        return self._renamed(inputs)

    def _rows_of(self, call: Call) -> list[dict[str, Any]]:
        kind, value = call.payload.kind, call.payload.value
        if kind == "rows":
            if self._only is not None and not self._are_named(value):
                return [{self._only: row} for row in value]
            for index, row in enumerate(value):
                if not isinstance(row, dict):
                    raise HostError("INVALID_ARGUMENT", f"row {index} is no object; {self.method} takes {_names(self.names)}")
            return [dict(row) for row in value]
        if kind not in ("tensors", "columns"):
            raise HostError("INVALID_ARGUMENT", f"{self.method} takes {_names(self.names)}; give each by name")
        columns = {name: _as_column(column) for name, column in self._renamed(dict(value)).items()}
        lengths = {name: len(column) for name, column in columns.items()}
        rows = max(lengths.values(), default=1)
        odd = next((name for name, length in lengths.items() if length != rows), None)
        if odd is not None:
            raise HostError("INVALID_ARGUMENT", f"input '{odd}' has {lengths[odd]} rows where others have {rows}")
        return [{name: column[index] for name, column in columns.items()} for index in range(rows)]

    def _are_named(self, rows: list[Any]) -> bool:
        """Rows that are objects with the names of arguments."""
        if len(self.names) < 2 or (self._only is not None and self._only in self.objects):
            return False
        return len(rows) > 0 and all(isinstance(row, dict) and self._only in row and row.keys() <= set(self.names) for row in rows)

    def _renamed(self, inputs: dict[str, Any]) -> dict[str, Any]:
        if self._only is not None and len(inputs) == 1 and next(iter(inputs)) not in self.names:
            return {self._only: next(iter(inputs.values()))}
        return inputs


def _as_column(values: Any) -> Any:
    """An input of several rows; what is no list is an input of one row."""
    if isinstance(values, list):
        return values
    is_array = numpy is not None and isinstance(values, numpy.ndarray)
    return values if is_array and values.ndim > 0 else [values]


def _transpose(rows: list[Any], names: list[str], method: str) -> dict[str, Any]:
    """One list of values by key for rows that are objects with the same keys."""
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise HostError("INVALID_ARGUMENT", f"row {index} is no object; {method} takes {_names(names)}")
        if row.keys() != rows[0].keys():
            raise HostError("INVALID_ARGUMENT", f"row {index} has {_names(row)}, row 0 has {_names(rows[0])}")
    return {name: _array_if_numeric([row[name] for row in rows]) for name in (rows[0] if rows else names)}


def _array_if_numeric(values: Any) -> Any:
    """A numpy array for a rectangular list of numbers or booleans, anything else as it is."""
    if numpy is None or not isinstance(values, list) or not values:
        return values
    try:
        array = numpy.asarray(values)
    except (ValueError, OverflowError):
        return values
    return array if array.dtype.kind in "biuf" else values


def _names(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names) or "nothing"
