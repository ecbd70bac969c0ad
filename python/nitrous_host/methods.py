"""Models that take tensors by name and answer tensors by name, in one method or several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterator

import numpy

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.payload import Call, Payload

Tensors = dict[str, numpy.ndarray]
# Failures of a framework that say that the tensors do not fit.
MISFITS = (ValueError, TypeError)


@dataclass
class Method:
    """One method of a model: what docs/frames.md calls a method's description, and what answers it."""

    signature: dict[str, Any]
    run: Callable[[Tensors, Call], Tensors]
    misfits: tuple[type[Exception], ...] = MISFITS
    # Longest texts of frameworks tell how they came to it; the first line tells what is wrong.
    explain: Callable[[Exception], str] = lambda error: str(error).strip().partition("\n")[0] or summary(error)


class MethodModel:
    """A model whose methods take what their signatures accept as "tensors". Raises HostError INVALID_ARGUMENT for what does not fit."""

    def __init__(self, description: dict[str, Any], methods: dict[str, Method]) -> None:
        self.description = description
        self._methods = methods

    def infer(self, call: Call) -> Payload:
        method = self._methods[call.method]
        if call.payload.kind != "tensors":
            raise HostError("INVALID_ARGUMENT", f"method '{call.method}' takes tensors by name, not {call.payload.kind}")
        return Payload("tensors", wanted(answer(method, call), call))

    def stream(self, call: Call) -> Iterator[Payload]:
        raise HostError("UNIMPLEMENTED", f"method '{call.method}' does not stream")


def answer(method: Method, call: Call) -> Tensors:
    """All outputs of a method for a call. Raises HostError INVALID_ARGUMENT for inputs that the framework refuses."""
    try:
        return method.run(call.payload.value, call)
    except HostError:
        raise
    except method.misfits as error:
        raise HostError("INVALID_ARGUMENT", method.explain(error), trace(error)) from error


def wanted(answers: Tensors, call: Call) -> Tensors:
    """The outputs that a call asks for, all of them when it names none. Raises HostError INVALID_ARGUMENT for an unknown one."""
    if not call.outputs:
        return answers
    unknown = [name for name in call.outputs if name not in answers]
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"unknown output '{unknown[0]}'; method '{call.method}' answers {', '.join(answers)}")
    return {name: answers[name] for name in call.outputs}
