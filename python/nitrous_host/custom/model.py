"""A user's model as the host's loop sees it."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Iterator

from nitrous_host.custom.arguments import Inputs
from nitrous_host.custom.event_loop import drain, run_to_end
from nitrous_host.custom.results import rows_to_payload, to_payload
from nitrous_host.custom.signature import Plan
from nitrous_host.custom.sizing import lengths_of, padded_axes
from nitrous_host.custom.values import convert, one_value
from nitrous_host.errors import HostError
from nitrous_host.payload import Call, Payload


class CustomMethod:
    """One method: `function` is bound to its instance, and `plan` says how it is called."""

    def __init__(self, function: Callable[..., Any], plan: Plan) -> None:
        self.description = plan.description
        self._function = function
        self._plan = plan
        takes_objects = {name for name, hint in plan.hints.items() if hint.kind in ("any", "json", "record")}
        self._inputs = Inputs(plan.name, plan.parameters, frozenset(takes_objects))
        self._padded = padded_axes(plan.description)

    def infer(self, call: Call) -> Payload:
        if not self._plan.by_row:
            return to_payload(self._run(self._whole(call)), call.payload.kind, call.outputs, self._plan.result)
        results = []
        for arguments in self._rows(call):
            if call.cancelled():
                raise HostError("CANCELLED", "the call was cancelled")
            results.append(self._run(arguments))
        return rows_to_payload(results, call.outputs, self._plan.result)

    def stream(self, call: Call) -> Iterator[Payload]:
        rows = self._rows(call) if self._plan.by_row else [self._whole(call)]
        if len(rows) != 1:
            raise HostError("INVALID_ARGUMENT", f"{self._plan.name} streams the answer for one row, and {len(rows)} came: send one")
        answers = self._function(**rows[0])
        return self._payloads(drain(answers) if hasattr(answers, "__anext__") else iter(answers), call)

    def _run(self, arguments: dict[str, Any]) -> Any:
        result = self._function(**arguments)
        return run_to_end(result) if inspect.iscoroutine(result) else result

    def _whole(self, call: Call) -> dict[str, Any]:
        hints = self._plan.hints
        only = next(iter(hints.items()), None)
        if only is not None and len(hints) == 1 and only[1].kind in ("arrays", "frame") and call.payload.kind != "json":
            return {only[0]: _together(only[1].kind, call), **self._special(call)}
        arguments = self._inputs.bind(call)
        for name, value in arguments.items():
            hint = hints.get(name)
            if hint is None or hint.kind == "any":
                continue
            arguments[name] = convert(hint, one_value(value, name) if hint.kind == "value" and hint.depth == 0 and hint.shape is None else value, name)
        return {**arguments, **self._special(call)}

    def _rows(self, call: Call) -> list[dict[str, Any]]:
        special, hints = self._special(call), self._plan.hints
        rows = self._inputs.bind_rows(call)
        return [{**{name: convert(hints[name], value, name) if name in hints else value for name, value in row.items()}, **special} for row in rows]

    def _special(self, call: Call) -> dict[str, Any]:
        special: dict[str, Any] = {}
        if self._plan.takes_cancelled:
            special["cancelled"] = call.cancelled
        if self._plan.takes_lengths:
            special["lengths"] = lengths_of(call, self._padded)
        return special

    def _payloads(self, answers: Iterator[Any], call: Call) -> Iterator[Payload]:
        try:
            for answer in answers:
                if self._plan.by_row:
                    yield rows_to_payload([answer], call.outputs, self._plan.result)
                else:
                    yield to_payload(answer, call.payload.kind, call.outputs, self._plan.result)
        finally:
            if hasattr(answers, "close"):
                answers.close()


class CustomModel:
    """Several methods and their description."""

    def __init__(self, description: dict[str, Any], methods: dict[str, CustomMethod]) -> None:
        self.description = description
        self._methods = methods

    def infer(self, call: Call) -> Payload:
        return self._methods[call.method].infer(call)

    def stream(self, call: Call) -> Iterator[Payload]:
        return self._methods[call.method].stream(call)


def _together(kind: str, call: Call) -> Any:
    """All inputs by name as one argument: a dict of arrays, or a data frame."""
    import numpy

    payload, value = call.payload.kind, call.payload.value
    if payload == "tensors":
        columns = {name: array.reshape(len(array)) if array.ndim == 2 and array.shape[1] == 1 and kind == "frame" else array for name, array in value.items()}
    else:
        columns = value
    if kind == "arrays":
        if payload == "rows":
            raise HostError("INVALID_ARGUMENT", 'the method takes inputs by name: send {"inputs": {"name": [...]}}')
        return {name: numpy.asarray(column) for name, column in columns.items()}
    import pandas

    try:
        return pandas.DataFrame({name: list(array) if getattr(array, "ndim", 1) > 1 else array for name, array in columns.items()} if payload != "rows" else columns)
    except (ValueError, TypeError) as error:
        raise HostError("INVALID_ARGUMENT", f"the request is no data frame: {error}") from error
