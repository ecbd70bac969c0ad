"""A model behind an adapter: methods by name, each of which takes a call and gives a payload or several."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import Any, Callable, Iterator, get_origin, get_type_hints

from nitrous_host.adapters.client_errors import client_errors
from nitrous_host.errors import HostError, from_exception
from nitrous_host.examples import payload_of, read_example
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Call, Payload
from nitrous_host.tensors import datatype_of


@dataclass
class AdaptedMethod:
    """`answer` gives a payload, or for a streaming method an iterator of payloads."""

    answer: Callable[[Call], Any]
    streaming: bool = False
    batchable: bool = False
    inputs: tuple[dict[str, Any], ...] = ()
    outputs: tuple[dict[str, Any], ...] = ()

    @property
    def signature(self) -> dict[str, Any]:
        """As in docs/frames.md; these models take what a client sent as it is."""
        return {
            "accepts": "json",
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "batchable": self.batchable and not self.streaming,
            "streaming": self.streaming,
        }


class AdaptedModel:
    def __init__(self, framework: tuple[str, str], methods: dict[str, AdaptedMethod], default: str, warnings: list[str]) -> None:
        self._methods = methods
        self.default = default
        self.description: dict[str, Any] = {
            "framework": framework[0],
            "frameworkVersion": framework[1],
            "warnings": warnings,
            "defaultMethod": default,
            "methods": {name: method.signature for name, method in methods.items()},
        }

    def infer(self, call: Call) -> Payload:
        with client_errors():
            return _wanted(self._methods[call.method].answer(call), call.outputs)

    def stream(self, call: Call) -> Iterator[Payload]:
        with client_errors():
            answers = self._methods[call.method].answer(call)
        return _translated(answers, call.outputs)


def framework_of(package: str, is_shim: bool) -> tuple[str, str]:
    """What a description says of the framework: ours is the Python that runs it."""
    if is_shim:
        return package, f"nitrous on Python {sys.version_info.major}.{sys.version_info.minor}"
    from importlib import metadata

    return package, metadata.version(package)


def warmed_up(model: AdaptedModel, request: LoadRequest, example: Any, progress: Progress) -> AdaptedModel:
    """
    The model after its default method has answered example.json, or `example`, which its code gives. Raises HostError
    INVALID_ARGUMENT when it does not answer.
    """
    given = read_example(request.example)[0] if request.example else example
    if given is None:
        model.description["warnings"].append("not warmed up: there is no example.json beside the model")
        return model
    model.description["example"] = given
    progress("answering the warm-up")
    signature = model.description["methods"][model.default]
    call = Call(model.default, payload_of(given))
    try:
        answer = _first(model.stream(call)) if signature["streaming"] else model.infer(call)
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        raise HostError("INVALID_ARGUMENT", f"the model does not answer its example: {failure.message}", failure.detail) from error
    if not signature["outputs"] and answer is not None and answer.kind == "tensors":
        signature["outputs"] = [_output_like(name, array) for name, array in answer.value.items()]
    return model


def is_streaming(function: Callable[..., Any]) -> bool:
    """It yields, or is annotated to give an iterator."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return True
    try:
        answer = get_type_hints(function).get("return")
    except Exception:  # Annotations may name what is only there for a type checker.
        return False
    origin = get_origin(answer) or answer
    return inspect.isclass(origin) and origin.__name__ in ("Iterator", "AsyncIterator", "Generator", "AsyncGenerator")


def _first(answers: Iterator[Payload]) -> Payload | None:
    try:
        return next(answers, None)
    finally:
        answers.close()  # type: ignore[attr-defined]


def _translated(answers: Iterator[Payload], outputs: list[str] | None) -> Iterator[Payload]:
    with client_errors():
        try:
            for answer in answers:
                yield _wanted(answer, outputs)
        finally:
            answers.close()  # type: ignore[attr-defined]


def _wanted(payload: Payload, outputs: list[str] | None) -> Payload:
    if not outputs or payload.kind != "tensors":
        return payload
    unknown = [name for name in outputs if name not in payload.value]
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"unknown output '{unknown[0]}'; the model answered {', '.join(payload.value)}")
    return Payload("tensors", {name: payload.value[name] for name in outputs})


def _output_like(name: str, array: Any) -> dict[str, Any]:
    shape = list(getattr(array, "shape", ()))
    return {"name": name, "datatype": datatype_of(array), "shape": [-1, *shape[1:]] if shape else []}
