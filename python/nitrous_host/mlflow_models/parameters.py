"""Parameters of a signature, as requests give them."""

from __future__ import annotations

import datetime
import json
from typing import Any, Callable

import numpy

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.signature import Parameter

# What each type takes; a whole number is also a float, and true is not a number.
ACCEPTED: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "string": (str,),
}
PYTHON_TYPES: dict[str, Callable[[Any], Any]] = {"float": float, "double": float}


def read_parameters(known: list[Parameter], given: dict[str, Any]) -> dict[str, Any]:
    """
    A value for each of the parameters: the request's, or the default. Others that a request has are not the model's, and
    ignored as MLflow does. Raises HostError INVALID_ARGUMENT for a value of another type.
    """
    return {
        parameter.name: _read(parameter, given[parameter.name]) if parameter.name in given else _default(parameter)
        for parameter in known
    }


def _default(parameter: Parameter) -> Any:
    return None if parameter.default is None else _read(parameter, parameter.default)


def _read(parameter: Parameter, value: Any) -> Any:
    if parameter.shape is None and parameter.type != "object":
        return _scalar(parameter, value)
    # Parameters of requests are plain values, so lists and objects come as JSON texts.
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise _wrong(parameter, value) from error
    if parameter.shape is None:
        if not isinstance(value, dict):
            raise _wrong(parameter, value)
        return value
    if not isinstance(value, list):
        raise _wrong(parameter, value)
    return [_scalar(parameter, element) for element in value]


def _scalar(parameter: Parameter, value: Any) -> Any:
    if parameter.type == "datetime":
        try:
            moment = numpy.datetime64(value).item()
        except (TypeError, ValueError) as error:
            raise _wrong(parameter, value) from error
        if not isinstance(moment, datetime.date):
            raise _wrong(parameter, value)
        return moment
    # Not isinstance, for which true is a whole number.
    if type(value) not in ACCEPTED.get(parameter.type, ()):
        raise _wrong(parameter, value)
    return PYTHON_TYPES.get(parameter.type, lambda same: same)(value)


def _wrong(parameter: Parameter, value: Any) -> HostError:
    shown = json.dumps(value, default=str)
    kinds = {"datetime": "an ISO date and time", "object": "an object, as JSON text"}
    expected = kinds.get(parameter.type, parameter.type)
    if parameter.shape is not None:
        expected = f"a list of {parameter.type}, as JSON text"
    return HostError("INVALID_ARGUMENT", f"parameter '{parameter.name}' is {shown[:60]}; the model's signature expects {expected}")
