"""
Services of BentoML: a class under `@bentoml.service` whose methods under `@bentoml.api` are served as a custom model's are, by their
type hints (https://docs.bentoml.com/en/latest/build-with-bentoml/services.html).
"""

from __future__ import annotations

import inspect
import os
from types import ModuleType
from typing import Any, Callable, Iterator

from nitrous_host.adapters.adapted_model import framework_of
from nitrous_host.adapters.bentoml_batches import in_batches
from nitrous_host.adapters.bentoml_hints import plain_hints
from nitrous_host.adapters.client_errors import client_errors
from nitrous_host.adapters.shims import is_shim
from nitrous_host.custom.definition import MARK, Definition
from nitrous_host.custom.module import import_file, run_code
from nitrous_host.errors import HostError
from nitrous_host.model import LoadRequest, Model, Progress
from nitrous_host.payload import Call, Payload

STARTUP_HOOK = "__bentoml_startup_hook__"
DEFAULT = "predict"


def load(request: LoadRequest, progress: Progress) -> Model:
    """Raises HostError: for what the file lacks, and for whatever the model's code raises."""
    from nitrous_host.formats.custom import serve_instance

    progress("importing bentoml")
    import bentoml  # noqa: F401

    progress("importing the model")
    service = _service_of(import_file(request.file), request)
    apis = _apis_of(service)
    if not apis:
        raise HostError("INVALID_ARGUMENT", f"the service {_name_of(service)} has no method under @bentoml.api")
    for name, api in apis.items():
        plain_hints(api.func, name)
    progress("loading")
    instance = run_code(service.inner, "__init__")
    for name in dir(service.inner):
        if getattr(inspect.getattr_static(service.inner, name), STARTUP_HOOK, False):
            run_code(getattr(instance, name), name)
    functions = {name: _function(instance, name, api) for name, api in apis.items()}
    definition = Definition(service.inner, functions, DEFAULT if DEFAULT in functions else next(iter(functions)))
    model = serve_instance(definition, Methods(functions, getattr(instance, "example", None)), request, progress)
    model.description["framework"], model.description["frameworkVersion"] = framework_of("bentoml", is_shim("bentoml"))
    return Translated(model)


class Methods:
    """The methods that are served, and nothing else of a service's class: what custom models declare by attributes is not BentoML's."""

    def __init__(self, functions: dict[str, Callable[..., Any]], example: Any) -> None:
        self.example = example
        vars(self).update(functions)


class Translated:
    """A model whose exceptions choose the status of an answer."""

    def __init__(self, model: Model) -> None:
        self.description = model.description
        self._model = model

    def infer(self, call: Call) -> Payload:
        with client_errors():
            return self._model.infer(call)

    def stream(self, call: Call) -> Iterator[Payload]:
        with client_errors():
            answers = self._model.stream(call)
        return _translated(answers)


def _translated(answers: Iterator[Payload]) -> Iterator[Payload]:
    with client_errors():
        yield from answers


def _service_of(module: ModuleType, request: LoadRequest) -> Any:
    """The one service that no other in the file depends on."""
    found = {id(value): value for value in vars(module).values() if hasattr(value, "inner") and hasattr(value, "apis")}
    helpers = {id(each.on) for service in found.values() for each in service.dependencies.values()}
    services = [service for key, service in found.items() if key not in helpers]
    name = os.path.basename(request.file)
    if len(services) == 1:
        return services[0]
    if not services:
        raise HostError("INVALID_ARGUMENT", f"{name} has no class under @bentoml.service")
    names = ", ".join(map(_name_of, services))
    raise HostError("INVALID_ARGUMENT", f"{name} has several services ({names}): keep one, or let one depend on the others with bentoml.depends")


def _apis_of(service: Any) -> dict[str, Any]:
    """In the order in which they were written, which the real package does not keep."""
    written = [name for each in reversed(service.inner.__mro__) for name in vars(each)]
    return {name: service.apis[name] for name in sorted(service.apis, key=written.index)}


def _name_of(service: Any) -> str:
    return getattr(service, "name", None) or service.inner.__name__


def _function(instance: Any, name: str, api: Any) -> Callable[..., Any]:
    bound = getattr(instance, name)
    function = in_batches(bound, api.max_batch_size, name) if api.batchable else bound
    # As `nitrous.method` notes it.
    vars(function)[MARK] = {"batchable": bool(api.batchable)}
    return function
