"""Custom models: a plain class with a method `predict` in a Python file."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import itertools
import os
import re
import sys
import traceback
from types import ModuleType
from typing import Any, Callable, Iterator

from nitrous_host.errors import HostError, from_exception, from_import
from nitrous_host.examples import payload_of, read_example, tensor_json
from nitrous_host.formats.custom_arguments import bind, parameters_of, takes_cancelled
from nitrous_host.formats.custom_results import to_payload
from nitrous_host.formats.custom_sizing import declared_sizing, lengths_of, padded_axes, takes_lengths
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Call, Payload
from nitrous_host.tensors import DTYPES, datatype_of

DATATYPES = {*DTYPES, "BF16", "BYTES"}
SPECIFICATION = re.compile(r"([A-Z0-9]+)\[\s*(-?\d+(?:\s*,\s*-?\d+)*)?\s*\]")
# Deeper than this nobody looks in a message.
MAX_PLACES = 5

_serial = itertools.count(1)


class CustomModel:
    def __init__(self, instance: Any, description: dict[str, Any]) -> None:
        self.description = description
        self._predict: Callable[..., Any] = instance.predict
        parameters = parameters_of(instance.predict)
        method = description["methods"]["predict"]
        self._padded = padded_axes(method)
        self._takes_cancelled = any(map(takes_cancelled, parameters))
        self._takes_lengths = any(takes_lengths(parameter, method) for parameter in parameters)
        self._arguments = [each for each in parameters if not takes_cancelled(each) and not takes_lengths(each, method)]
        self._loop = asyncio.new_event_loop() if inspect.iscoroutinefunction(instance.predict) else None

    def infer(self, call: Call) -> Payload:
        result = self._predict(**self._bind(call))
        if inspect.iscoroutine(result):
            result = self._loop.run_until_complete(result) if self._loop else asyncio.run(result)
        return to_payload(result, call.payload.kind, call.outputs)

    def stream(self, call: Call) -> Iterator[Payload]:
        answers = self._predict(**self._bind(call))
        return _payloads(_drain(answers) if inspect.isasyncgen(answers) else answers, call)

    def _bind(self, call: Call) -> dict[str, Any]:
        arguments = bind(self._arguments, call)
        if self._takes_cancelled:
            arguments["cancelled"] = call.cancelled
        if self._takes_lengths:
            arguments["lengths"] = lengths_of(call, self._padded)
        return arguments


def load(request: LoadRequest, progress: Progress) -> CustomModel:
    """Raises HostError: for what the file lacks, for a package that is missing, and for whatever the model's code raises."""
    name = os.path.basename(request.file)
    progress(f"importing {name}")
    model_class = _class_of(_import(request), name)
    instance = _run(model_class, "__init__")
    if hasattr(instance, "load"):
        progress("loading")
        _run(instance.load, "load", *([request.directory] if parameters_of(instance.load) else []))
    method = _method_of(instance)
    description: dict[str, Any] = {
        "framework": "python",
        "frameworkVersion": ".".join(map(str, sys.version_info[:3])),
        "warnings": [],
        "methods": {"predict": method},
    }
    model = CustomModel(instance, description)
    example = read_example(request.example)[0] if request.example else _own_example(instance, method["inputs"])
    if example is None:
        description["warnings"].append("not warmed up: the class has no attribute `example`, and there is no example.json beside it")
        return model
    description["example"] = example
    progress("answering the warm-up")
    answer = _warm_up(model, Call("predict", payload_of(example)))
    if not method["outputs"] and answer is not None and answer.kind == "tensors":
        method["outputs"] = [_output_like(name, array) for name, array in answer.value.items()]
    return model


def _import(request: LoadRequest) -> ModuleType:
    """The file as a module with a name of its own, so that the model.py of two models never meet."""
    directory = os.path.dirname(os.path.abspath(request.file))
    if directory not in sys.path:
        sys.path.insert(0, directory)
    name = f"nitrous_model_{next(_serial)}"
    specification = importlib.util.spec_from_file_location(name, request.file)
    if specification is None or specification.loader is None:
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(request.file)} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    # dataclasses and pickle look a class's module up here.
    sys.modules[name] = module
    _run(specification.loader.exec_module, os.path.basename(request.file), module)
    return module


def _class_of(module: ModuleType, file: str) -> type:
    """The class `Model`, or the only class of the file that has a method `predict`. Raises HostError INVALID_ARGUMENT."""
    own = {name: value for name, value in vars(module).items() if inspect.isclass(value) and value.__module__ == module.__name__}
    able = [name for name, value in own.items() if callable(getattr(value, "predict", None)) and not name.startswith("_")]
    if "Model" in able:
        return own["Model"]
    if len(able) == 1:
        return own[able[0]]
    if able:
        raise HostError("INVALID_ARGUMENT", f"{file} has several classes with a method predict ({', '.join(able)}): call one of them Model")
    found = f"only {', '.join(own)}" if own else "no class at all"
    raise HostError("INVALID_ARGUMENT", f"{file} needs a class with a method predict, and has {found}")


def _method_of(instance: Any) -> dict[str, Any]:
    inputs = _specifications(instance, "inputs")
    sizing = declared_sizing(type(instance))
    streaming = inspect.isgeneratorfunction(instance.predict) or inspect.isasyncgenfunction(instance.predict)
    return {
        "accepts": "tensors" if inputs else "json",
        "inputs": inputs,
        "outputs": [{**entry, "declared": True} for entry in _specifications(instance, "outputs")],
        "batchable": bool(getattr(instance, "batchable", False)) and not streaming,
        "stateful": bool(getattr(instance, "stateful", False)) and not streaming,
        **({"sizing": sizing} if sizing else {}),
        "streaming": streaming,
    }


def _specifications(instance: Any, attribute: str) -> list[dict[str, Any]]:
    """Tensor specifications of an attribute like {"x": "FP32[-1,4]"}. Raises HostError INVALID_ARGUMENT."""
    declared = getattr(instance, attribute, None) or {}
    specifications = []
    for name, text in declared.items():
        match = SPECIFICATION.fullmatch(text)
        if match is None or match[1] not in DATATYPES:
            raise HostError("INVALID_ARGUMENT", f'{attribute}["{name}"] is {text!r}; expected something like "FP32[-1,4]" or "BYTES[-1]"')
        shape = [int(dimension) for dimension in match[2].split(",")] if match[2] else []
        specifications.append({"name": name, "datatype": match[1], "shape": shape})
    return specifications


def _own_example(instance: Any, inputs: list[dict[str, Any]]) -> Any:
    """The attribute `example`: a request in JSON, or the inputs' values by name, which become one."""
    example = getattr(instance, "example", None)
    if not isinstance(example, dict) or "inputs" in example or "instances" in example:
        return example
    import numpy

    declared = {entry["name"]: entry["datatype"] for entry in inputs}
    arrays = {name: numpy.asarray(values, DTYPES.get(declared.get(name, ""))) for name, values in example.items()}
    return {"inputs": [tensor_json(name, declared.get(name) or datatype_of(array), array) for name, array in arrays.items()]}


def _warm_up(model: CustomModel, call: Call) -> Payload | None:
    """The answer, or the first one of a stream. Raises HostError INVALID_ARGUMENT."""
    try:
        if not model.description["methods"]["predict"]["streaming"]:
            return model.infer(call)
        answers = model.stream(call)
        try:
            return next(answers, None)
        finally:
            answers.close()
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        raise HostError("INVALID_ARGUMENT", f"the model does not answer its example: {failure.message}", failure.detail) from error


def _output_like(name: str, array: Any) -> dict[str, Any]:
    shape = list(getattr(array, "shape", ()))
    return {"name": name, "datatype": datatype_of(array), "shape": [-1, *shape[1:]] if shape else []}


def _run(function: Callable[..., Any], what: str, *arguments: Any) -> Any:
    """Calls the model's code while it loads; what it raises becomes a HostError that says where."""
    try:
        result = function(*arguments)
        return asyncio.run(result) if inspect.iscoroutine(result) else result
    except ImportError as error:
        raise from_import(error) from error
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        raise HostError(failure.code, f"{what} failed: {failure.message}{_where(error)}", failure.detail) from error


def _where(error: BaseException) -> str:
    """Lines below a message: the places in the model's code that led to the exception, the innermost last."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(("<frozen", __file__))]
    return "".join(f"\n{entry.rstrip()}" for entry in traceback.format_list(frames[-MAX_PLACES:]))


def _payloads(answers: Iterator[Any], call: Call) -> Iterator[Payload]:
    try:
        for answer in answers:
            yield to_payload(answer, call.payload.kind, call.outputs)
    finally:
        answers.close()  # type: ignore[attr-defined]


def _drain(answers: Any) -> Iterator[Any]:
    """An async generator as a plain one, with an event loop of its own in the thread that asks for its answers."""
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                yield loop.run_until_complete(answers.__anext__())
            except StopAsyncIteration:
                return
    finally:
        loop.run_until_complete(answers.aclose())
        loop.close()
