"""
Models of LitServe: `LitAPI` with setup, decode_request, predict and encode_response, and perhaps batch and unbatch
(https://lightning.ai/docs/litserve/api-reference/litapi).
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any, Iterator

from nitrous_host.adapters.adapted_model import AdaptedMethod, AdaptedModel, framework_of, warmed_up
from nitrous_host.adapters.event_loop import EventLoop
from nitrous_host.adapters.rows import Rows
from nitrous_host.adapters.scripts import command_line, only_class, replaced, run_main_block
from nitrous_host.adapters.shims import is_shim
from nitrous_host.custom.module import import_file, run_code
from nitrous_host.errors import HostError
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Call, Payload

VERBS = ("decode_request", "batch", "predict", "unbatch", "encode_response")


def load(request: LoadRequest, progress: Progress) -> AdaptedModel:
    """Raises HostError: for what the file lacks, and for whatever the model's code raises."""
    progress("importing litserve")
    servers: list[Any] = []

    def register(server: Any, *_arguments: Any, **_options: Any) -> None:
        servers.append(server)

    with command_line(request):
        import litserve

        with replaced(litserve.LitServer, "run", register):
            progress("importing the model")
            module = import_file(request.file)
            run_main_block(module, request.file)
    if len(servers) > 1:
        raise HostError("INVALID_ARGUMENT", "the file runs several servers; keep one: it may be given a list of LitAPIs")
    apis = _apis_of(servers[0]) if servers else [_made(litserve.LitAPI, module, request)]
    loop = EventLoop()
    progress("loading")
    methods = {_method_name(api): _method(api, loop, _device_of(servers)) for api in apis}
    default = "predict" if "predict" in methods else next(iter(methods))
    model = AdaptedModel(framework_of("litserve", is_shim("litserve")), methods, default, [])
    return warmed_up(model, request, getattr(apis[0], "example", None), progress)


def _apis_of(server: Any) -> list[Any]:
    found = server.lit_api
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _made(base: type, module: ModuleType, request: LoadRequest) -> Any:
    api_class = only_class(module, request.file, "litserve.LitAPI", lambda each: issubclass(each, base))
    try:
        api = api_class()
    except TypeError as error:
        message = f"{api_class.__name__} cannot be made without arguments ({error}): run it in a LitServer in `if __name__ == \"__main__\"`"
        raise HostError("INVALID_ARGUMENT", message) from error
    api.pre_setup()
    return api


def _device_of(servers: list[Any]) -> str:
    """The first of the server's devices."""
    devices = getattr(servers[0], "devices", None) if servers else None
    first: Any = devices[0] if isinstance(devices, (list, tuple)) and devices else "cpu"
    return first[0] if isinstance(first, (list, tuple)) else first


def _method_name(api: Any) -> str:
    return (getattr(api, "api_path", None) or "/predict").strip("/").replace("/", "_") or "predict"


def _method(api: Any, loop: EventLoop, device: str) -> AdaptedMethod:
    if getattr(api, "spec", None) is not None:
        raise HostError("UNIMPLEMENTED", f"{type(api).__name__} has a spec ({type(api.spec).__name__}); only LitAPIs of their own form are served")
    api.device = device
    run_code(lambda: loop.result_of(api.setup(device)), "setup")
    verbs = Verbs(api, loop)
    return AdaptedMethod(verbs.stream if api.stream else verbs.answer, bool(api.stream), api.max_batch_size > 1)


class Verbs:
    """Rows of a call are LitServe's requests: each is decoded and encoded alone, and predicted alone or in batches."""

    def __init__(self, api: Any, loop: EventLoop) -> None:
        self._api = api
        self._loop = loop
        self._request_type = _request_type(api)
        self._with_context = {name for name in VERBS if "context" in inspect.signature(getattr(api, name)).parameters}

    def answer(self, call: Call) -> Payload:
        rows = Rows(call)
        size = self._api.max_batch_size
        encoded: list[Any] = []
        for start in range(0, len(rows.values), size):
            if call.cancelled():
                raise HostError("CANCELLED", "the call was cancelled")
            encoded += self._some(rows.values[start : start + size])
        return rows.payload(encoded)

    def stream(self, call: Call) -> Iterator[Payload]:
        rows = Rows(call)
        if len(rows.values) != 1:
            raise HostError("INVALID_ARGUMENT", f"a stream answers one request; {len(rows.values)} rows came")
        contexts: list[dict[str, Any]] = [{}]
        decoded = self._run("decode_request", contexts[0], self._request(rows.values[0]))
        return self._chunks(rows, decoded, contexts)

    def _chunks(self, rows: Rows, decoded: Any, contexts: list[dict[str, Any]]) -> Iterator[Payload]:
        if self._api.max_batch_size == 1:
            encoded = self._run("encode_response", contexts[0], self._run("predict", contexts[0], decoded))
        else:
            predicted = self._run("predict", contexts, self._run("batch", contexts, [decoded]))
            encoded = self._run("encode_response", contexts, self._run("unbatch", contexts, predicted))
        for chunk in self._loop.iterate(encoded):
            yield rows.chunk(chunk if self._api.max_batch_size == 1 else chunk[0])

    def _some(self, values: list[Any]) -> list[Any]:
        contexts: list[dict[str, Any]] = [{} for _ in values]
        decoded = [self._run("decode_request", context, self._request(value)) for context, value in zip(contexts, values)]
        if self._api.max_batch_size == 1:
            answers = [self._run("predict", contexts[0], decoded[0])]
        else:
            predicted = self._run("predict", contexts, self._run("batch", contexts, decoded))
            answers = self._run("unbatch", contexts, predicted)
            if len(answers) != len(values):
                raise HostError("INTERNAL", f"unbatch gave {len(answers)} answers for {len(values)} requests")
        return [self._run("encode_response", context, answer) for context, answer in zip(contexts, answers)]

    def _run(self, name: str, context: Any, value: Any) -> Any:
        function = getattr(self._api, name)
        return self._loop.result_of(function(value, context=context) if name in self._with_context else function(value))

    def _request(self, value: Any) -> Any:
        if self._request_type is None:
            return value
        try:
            return self._request_type.model_validate(value)
        except ValueError as error:
            raise HostError("INVALID_ARGUMENT", f"the request does not fit {self._request_type.__name__}: {error}") from error


def _request_type(api: Any) -> Any:
    """A pydantic model that decode_request asks for."""
    annotation = next((each.annotation for each in inspect.signature(api.decode_request).parameters.values()), None)
    return annotation if hasattr(annotation, "model_validate") else None
