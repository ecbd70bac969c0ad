"""Custom models: a plain class, or plain functions, in a Python file."""

from __future__ import annotations

import os
import sys
from typing import Any

from nitrous_host import adapters
from nitrous_host.custom.arguments import parameters_of
from nitrous_host.custom.declarations import declarations_of
from nitrous_host.custom.definition import Definition, define
from nitrous_host.custom.model import CustomMethod, CustomModel
from nitrous_host.custom.module import import_file, run_code
from nitrous_host.custom.settings import Settings
from nitrous_host.custom.signature import plan_of
from nitrous_host.errors import HostError, from_exception
from nitrous_host.examples import payload_of, read_example, tensor_json
from nitrous_host.model import LoadRequest, Model, Progress
from nitrous_host.payload import Call, Payload
from nitrous_host.tensors import DTYPES, datatype_of


def load(request: LoadRequest, progress: Progress) -> Model:
    """Raises HostError: for what the file lacks, for a package that is missing, and for whatever the model's code raises."""
    adapted = adapters.adapt(request, progress)
    if adapted is not None:
        return adapted
    progress(f"importing {os.path.basename(request.file)}")
    return serve(define(import_file(request.file)), request, progress)


def serve(definition: Definition, request: LoadRequest, progress: Progress) -> CustomModel:
    """The model of a class or of functions: made with its settings, loaded and warmed up. Raises HostError as `load` does."""
    return serve_instance(definition, _instance_of(definition, request, progress), request, progress)


def serve_instance(definition: Definition, instance: Any, request: LoadRequest, progress: Progress) -> CustomModel:
    """The model of an object that has been made and loaded. Raises HostError as `load` does."""
    declared = declarations_of(definition, instance)
    methods = {name: CustomMethod(getattr(instance, name), plan_of(name, getattr(instance, name), declared[name])) for name in definition.functions}
    description: dict[str, Any] = {
        "framework": "python",
        "frameworkVersion": ".".join(map(str, sys.version_info[:3])),
        "warnings": [],
        "defaultMethod": definition.default,
        "methods": {name: method.description for name, method in methods.items()},
    }
    model = CustomModel(description, methods)
    for name, method in methods.items():
        if name == definition.default and request.example:
            example = read_example(request.example)[0]
        else:
            example = _own_example(declared[name].get("example"), method.description["inputs"])
        if example is not None:
            progress(f"answering the warm-up of {name}" if len(methods) > 1 else "answering the warm-up")
            _warm_up(method, name, example)
            if name == definition.default:
                description["example"] = example
    if "example" not in description:
        what = "the class" if definition.is_class else "the file"
        description["warnings"].append(f"not warmed up: {what} has no attribute `example`, and there is no example.json beside it")
    return model


def _instance_of(definition: Definition, request: LoadRequest, progress: Progress) -> Any:
    """The object whose methods are served, after its `load`. Raises HostError."""
    settings = Settings(request.settings)
    instance = definition.owner
    what = getattr(definition.owner, "__name__", "the model") if definition.is_class else os.path.basename(request.file)
    if definition.is_class:
        keywords = settings.keywords(definition.owner)
        if not hasattr(definition.owner, "load"):
            settings.refuse_the_rest(what)
        instance = run_code(definition.owner, "__init__", **keywords)
    load_model = getattr(instance, "load", None)
    if not callable(load_model):
        settings.refuse_the_rest(what)
        return instance
    # The first argument is the folder, whatever it is called.
    directory = next((each.name for each in parameters_of(load_model) if each.kind in (each.POSITIONAL_OR_KEYWORD,)), None)
    keywords = settings.keywords(load_model, besides=() if directory is None else (directory,))
    settings.refuse_the_rest(what)
    progress("loading")
    run_code(load_model, "load", *([] if directory is None else [request.directory]), **keywords)
    return instance


def _own_example(example: Any, inputs: list[dict[str, Any]]) -> Any:
    """A declared example: a request in JSON, or the inputs' values by name, which become one."""
    if not isinstance(example, dict) or isinstance(example.get("inputs"), list) or isinstance(example.get("instances"), list):
        return example
    import numpy

    declared = {entry["name"]: entry["datatype"] for entry in inputs}
    arrays = {name: numpy.asarray(values, DTYPES.get(declared.get(name, ""))) for name, values in example.items()}
    return {"inputs": [tensor_json(name, declared.get(name) or datatype_of(array), array) for name, array in arrays.items()]}


def _warm_up(method: CustomMethod, name: str, example: Any) -> None:
    """Raises HostError INVALID_ARGUMENT for an example that is not answered; its answer says what outputs look like."""
    try:
        answer = _first_answer(method, Call(name, _bound(payload_of(example), method.description)))
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        raise HostError("INVALID_ARGUMENT", f"the model does not answer its example: {failure.message}", failure.detail) from error
    if not method.description["outputs"] and answer is not None and answer.kind == "tensors":
        method.description["outputs"] = [_output_like(key, array) for key, array in answer.value.items()]


def _bound(payload: Payload, description: dict[str, Any]) -> Payload:
    """V1 instances of an example as the inputs of the method, which the server makes of a client's. Raises ValueError or KeyError."""
    if payload.kind != "rows" or description["accepts"] != "tensors":
        return payload
    import numpy

    rows = payload.value
    inputs = description["inputs"]
    are_objects = bool(rows) and all(isinstance(row, dict) for row in rows)
    given = [entry for entry in inputs if (all(entry["name"] in row for row in rows) if are_objects else not entry.get("optional"))] or inputs[:1]
    columns = {entry["name"]: [row[entry["name"]] for row in rows] if are_objects else rows for entry in given}
    dtypes = {entry["name"]: DTYPES.get(entry["datatype"], object) for entry in inputs}
    return Payload("tensors", {name: numpy.asarray(column, dtypes[name]) for name, column in columns.items()})


def _first_answer(method: CustomMethod, call: Call) -> Payload | None:
    if not method.description["streaming"]:
        return method.infer(call)
    answers = method.stream(call)
    try:
        return next(answers, None)
    finally:
        answers.close()  # type: ignore[attr-defined]


def _output_like(name: str, array: Any) -> dict[str, Any]:
    shape = list(getattr(array, "shape", ()))
    return {"name": name, "datatype": datatype_of(array), "shape": [-1, *shape[1:]] if shape else []}
