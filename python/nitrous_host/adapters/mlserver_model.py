"""
Models of MLServer: `MLModel` with load, predict and predict_stream, and the settings in model-settings.json
(https://mlserver.readthedocs.io/en/latest/user-guide/custom.html).
"""

from __future__ import annotations

import os
from typing import Any, AsyncIterator, Iterator

from nitrous_host.adapters.adapted_model import AdaptedMethod, AdaptedModel, framework_of, warmed_up
from nitrous_host.adapters.event_loop import EventLoop
from nitrous_host.adapters.interfaces import MLSERVER_SETTINGS
from nitrous_host.adapters.mlserver_tensors import inference_request, to_payload
from nitrous_host.adapters.scripts import only_class
from nitrous_host.adapters.shims import is_shim
from nitrous_host.custom.module import import_file, run_code
from nitrous_host.errors import HostError, from_exception, from_import
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Call, Payload


def load(request: LoadRequest, progress: Progress) -> AdaptedModel:
    """Raises HostError: for settings that are wrong, for what the file lacks, and for whatever the model's code raises."""
    progress("importing mlserver")
    import mlserver

    settings_file = os.path.join(os.path.dirname(request.file), MLSERVER_SETTINGS)
    settings = _settings(settings_file) if os.path.isfile(settings_file) else None
    progress("importing the model")
    if os.path.basename(request.file) == MLSERVER_SETTINGS:
        model_class = _implementation(settings)
    else:
        module = import_file(request.file)
        model_class = only_class(module, request.file, "mlserver.MLModel", lambda each: issubclass(each, mlserver.MLModel))
    if settings is None:
        settings = mlserver.ModelSettings(name=request.model, implementation=model_class)
    _complete(settings, request)
    loop = EventLoop()
    progress("loading")
    model = _made(model_class, settings, loop)
    methods = {"predict": _predict(model, loop)}
    if getattr(model_class, "predict_stream", None) is not mlserver.MLModel.predict_stream:
        methods["predict_stream"] = _predict_stream(model, loop)
    adapted = AdaptedModel(framework_of("mlserver", is_shim("mlserver")), methods, "predict", [])
    return warmed_up(adapted, request, getattr(model, "example", None), progress)


def _settings(path: str) -> Any:
    from mlserver import ModelSettings

    try:
        return ModelSettings.parse_file(path)
    except (OSError, ValueError, TypeError) as error:
        raise HostError("INVALID_ARGUMENT", f"{MLSERVER_SETTINGS} cannot be used: {error}") from error


def _implementation(settings: Any) -> type:
    from mlserver import MLModel

    try:
        found = settings.implementation
    except (ImportError, AttributeError, ValueError) as error:
        # The real package's settings wrap what the import said.
        reason = error if isinstance(error, ImportError) else error.__cause__
        if isinstance(reason, ImportError) and reason.name != settings.implementation_:
            raise from_import(reason) from error
        raise HostError("INVALID_ARGUMENT", f"the implementation {settings.implementation_} in {MLSERVER_SETTINGS} is not there: {error}") from error
    except (Exception, SystemExit) as error:
        failure = from_exception(error)
        raise HostError(failure.code, f"importing {settings.implementation_} failed: {failure.message}", failure.detail) from error
    if not (isinstance(found, type) and issubclass(found, MLModel)):
        raise HostError("INVALID_ARGUMENT", f"the implementation in {MLSERVER_SETTINGS} does not derive from mlserver.MLModel")
    return found


def _complete(settings: Any, request: LoadRequest) -> None:
    """What MLServer's repository adds to a model's settings, and the settings of the model's resource as `parameters.extra`."""
    from mlserver.settings import ModelParameters

    settings.name = settings.name or request.model
    if settings.parameters is None:
        settings.parameters = ModelParameters()
    parameters = settings.parameters
    if parameters.uri is None:
        parameters.uri = request.directory
    elif "://" not in parameters.uri and not os.path.isabs(parameters.uri):
        parameters.uri = os.path.normpath(os.path.join(request.directory, parameters.uri))
    if parameters.version is None:
        parameters.version = request.version
    parameters.extra = {**(parameters.extra or {}), **request.settings}


def _made(model_class: type, settings: Any, loop: EventLoop) -> Any:
    model = run_code(model_class, "__init__", settings)
    if not run_code(lambda: loop.result_of(model.load()), "load"):
        raise HostError("FAILED_PRECONDITION", f"{model_class.__name__} is not ready: load() has to return True")
    model.ready = True
    return model


def _predict(model: Any, loop: EventLoop) -> AdaptedMethod:
    def answer(call: Call) -> Payload:
        return to_payload(loop.result_of(model.predict(inference_request(call, model))))

    inputs, outputs = ([_specification(each) for each in tensors or []] for tensors in (model.inputs, model.outputs))
    return AdaptedMethod(answer, batchable=model.settings.max_batch_size > 1, inputs=tuple(inputs), outputs=tuple(outputs))


def _predict_stream(model: Any, loop: EventLoop) -> AdaptedMethod:
    def answers(call: Call) -> Iterator[Payload]:
        request = inference_request(call, model)

        async def requests() -> AsyncIterator[Any]:
            yield request

        return _payloads(loop.iterate(model.predict_stream(requests())))

    return AdaptedMethod(answers, streaming=True)


def _payloads(responses: Iterator[Any]) -> Iterator[Payload]:
    try:
        for response in responses:
            yield to_payload(response)
    finally:
        responses.close()  # type: ignore[attr-defined]


def _specification(tensor: Any) -> dict[str, Any]:
    datatype = getattr(tensor.datatype, "value", tensor.datatype)
    return {"name": tensor.name, "datatype": datatype, "shape": list(tensor.shape)}
