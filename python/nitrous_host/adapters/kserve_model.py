"""
Models of KServe's Python SDK: `kserve.Model` with load, preprocess, predict, postprocess and explain
(https://kserve.github.io/website/docs/model-serving/predictive-inference/frameworks/custom-predictor).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Iterator

from nitrous_host.adapters.adapted_model import AdaptedMethod, AdaptedModel, framework_of, is_streaming, warmed_up
from nitrous_host.adapters.event_loop import EventLoop
from nitrous_host.adapters.kserve_tensors import infer_request, to_payload
from nitrous_host.adapters.scripts import command_line, only_class, replaced, run_main_block
from nitrous_host.adapters.shims import is_shim
from nitrous_host.custom.module import import_file, run_code
from nitrous_host.custom.results import plain
from nitrous_host.errors import HostError
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Call, Payload


def load(request: LoadRequest, progress: Progress) -> AdaptedModel:
    """Raises HostError: for what the file lacks, and for whatever the model's code raises."""
    progress("importing kserve")
    registered: list[Any] = []

    def register(_server: Any, models: list[Any]) -> None:
        registered.extend(models)

    with command_line(request):
        import kserve

        with replaced(kserve.ModelServer, "start", register):
            progress("importing the model")
            module = import_file(request.file)
            run_main_block(module, request.file)
    model = _chosen(registered, request) if registered else _made(kserve.Model, module, request)
    loop = EventLoop()
    progress("loading")
    _bring_up(model, loop)
    adapted = _adapted(model, loop, kserve.Model)
    return warmed_up(adapted, request, getattr(model, "example", None), progress)


def _chosen(registered: list[Any], request: LoadRequest) -> Any:
    if len(registered) == 1:
        return registered[0]
    for model in registered:
        if model.name == request.model:
            return model
    names = ", ".join(str(model.name) for model in registered)
    raise HostError("INVALID_ARGUMENT", f"the file starts several models ({names}) and none is called {request.model}: give it one of these names")


def _made(base: type, module: ModuleType, request: LoadRequest) -> Any:
    model_class = only_class(module, request.file, "kserve.Model", lambda each: issubclass(each, base))
    try:
        return model_class(request.model)
    except TypeError as error:
        message = f"{model_class.__name__} cannot be made from a name alone ({error}): make it and start it in `if __name__ == \"__main__\"`"
        raise HostError("INVALID_ARGUMENT", message) from error


def _bring_up(model: Any, loop: EventLoop) -> None:
    """As ModelServer.start does, which also asks models that are not ready to load."""
    if not model.ready:
        run_code(lambda: loop.result_of(model.load()), "load")
    if not model.ready:
        raise HostError("FAILED_PRECONDITION", f"{type(model).__name__} is not ready: load() has to set self.ready to True")
    if hasattr(model, "start"):
        run_code(model.start, "start")
    if getattr(model, "engine", False):
        run_code(lambda: loop.result_of(model.start_engine()), "start_engine")


def _adapted(model: Any, loop: EventLoop, base: type) -> AdaptedModel:
    from kserve.model import InferenceVerb

    streaming = is_streaming(model.predict)

    def ask(call: Call, verb: Any) -> Any:
        # Preprocess, validate, predict or explain, postprocess: the base class knows the order and who is asynchronous.
        # Headers of requests do not reach hosts.
        answer = loop.result_of(model(_body(call, model), headers={}, verb=verb))
        return answer[0] if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], dict) else answer

    def predict(call: Call) -> Any:
        answer = ask(call, InferenceVerb.PREDICT)
        if hasattr(answer, "__anext__") or hasattr(answer, "__next__"):
            payloads = _payloads(loop.iterate(answer), call)
            return payloads if streaming else Payload("json", plain([each.value for each in payloads]))
        return _once(to_payload(answer, call)) if streaming else to_payload(answer, call)

    def explain(call: Call) -> Payload:
        return to_payload(ask(call, InferenceVerb.EXPLAIN), call)

    inputs, outputs = (_specifications(describe()) for describe in (model.get_input_types, model.get_output_types))
    methods = {"predict": AdaptedMethod(predict, streaming, False, inputs, outputs)}
    if getattr(type(model), "explain", None) is not getattr(base, "explain", None):
        methods["explain"] = AdaptedMethod(explain)
    warnings = []
    if getattr(model, "required_response_headers", False):
        warnings.append("response headers that the model sets do not reach clients")
    return AdaptedModel(framework_of("kserve", is_shim("kserve")), methods, "predict", warnings)


def _once(payload: Payload) -> Iterator[Payload]:
    yield payload


def _payloads(answers: Iterator[Any], call: Call) -> Iterator[Payload]:
    try:
        for answer in answers:
            yield to_payload(answer, call)
    finally:
        answers.close()  # type: ignore[attr-defined]


def _body(call: Call, model: Any) -> Any:
    """An InferRequest for V2, and for V1 the body as a dict."""
    if call.payload.kind == "tensors":
        return infer_request(call, model.name)
    parameters = {"parameters": call.parameters} if call.parameters else {}
    if call.payload.kind == "json":
        return call.payload.value
    return {"instances" if call.payload.kind == "rows" else "inputs": call.payload.value, **parameters}


def _specifications(types: Any) -> tuple[dict[str, Any], ...]:
    entries = types if isinstance(types, list) else []
    return tuple({"name": each["name"], "datatype": each["datatype"], "shape": list(each["shape"])} for each in entries)
