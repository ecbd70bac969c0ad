"""What a client sent, as the arguments of a custom model's `predict`."""

from __future__ import annotations

import inspect
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


def bind(parameters: Sequence[inspect.Parameter], call: Call) -> dict[str, Any]:
    """
    Arguments by name: tensors and columns by their names, or the only one for the only argument; rows whole for the only
    argument, else one list for each; what is left from the request's parameters. Raises HostError INVALID_ARGUMENT.
    """
    named = {parameter.name: parameter for parameter in parameters if parameter.kind in NAMED}
    required = [name for name, parameter in named.items() if parameter.default is inspect.Parameter.empty]
    takes_any = len(named) < len(parameters)
    # The argument that takes the only input, whatever that is called.
    wanted = required or list(named)
    only = wanted[0] if len(wanted) == 1 and not takes_any else None
    arguments = _inputs_of(call, only, list(named))
    unknown = [name for name in arguments if name not in named]
    if unknown and not takes_any:
        raise HostError("INVALID_ARGUMENT", f"unknown input {_names(unknown)}; predict takes {_names(named)}")
    for name, value in call.parameters.items():
        if name in named:
            arguments.setdefault(name, value)
    missing = [name for name in required if name not in arguments]
    if missing:
        raise HostError("INVALID_ARGUMENT", f"missing input {_names(missing)}; predict takes {_names(named)}, got {_names(arguments)}")
    return arguments


def _inputs_of(call: Call, only: str | None, names: list[str]) -> dict[str, Any]:
    kind, value = call.payload.kind, call.payload.value
    if kind == "tensors":
        inputs = dict(value)
    elif kind == "columns":
        inputs = {name: _array_if_numeric(values) for name, values in value.items()}
    elif only is not None:
        return {only: _array_if_numeric(value)}
    elif kind == "rows":
        return _transpose(value, names)
    else:
        raise HostError("INVALID_ARGUMENT", f"predict takes {_names(names)}; give each by name")
    if only is not None and len(inputs) == 1 and next(iter(inputs)) not in names:
        return {only: next(iter(inputs.values()))}
    return inputs


def _transpose(rows: list[Any], names: list[str]) -> dict[str, Any]:
    """One list of values by key for rows that are objects with the same keys."""
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise HostError("INVALID_ARGUMENT", f"row {index} is no object; predict takes {_names(names)}")
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
