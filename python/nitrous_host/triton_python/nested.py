"""Requests of a model to other models of the server."""

from __future__ import annotations

import asyncio
from typing import Any, Iterator

from nitrous_host import frames
from nitrous_host.requests import read_requests
from nitrous_host.server_link import Question
from nitrous_host.triton_python.bridge import bridge
from nitrous_host.triton_python.codes import error_from

# Responses that another model may send before they are asked for.
AHEAD = 16


def exec_request(request: Any, decoupled: bool) -> Any:
    """The response of the other model, or an iterator of its responses; failures are in the responses."""
    meta, inputs = _meta_of(request, decoupled), _inputs_of(request)
    return _iterator(bridge().ask(meta, inputs)) if decoupled else _response(bridge().ask_and_wait(meta, inputs))


def async_exec_request(request: Any, decoupled: bool) -> Any:
    """
    The same as a future of the running event loop. An iterator comes with the first response: waiting for that in the iterator would hold
    up the loop.
    """
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    link = bridge().link
    awaited = True

    def settle(question: Question) -> None:
        if not future.done():
            future.set_result(_iterator(question) if decoupled else _response(question.answers.popleft()))

    def notify(question: Question) -> None:
        # By the thread that reads, which must not wait.
        nonlocal awaited
        if awaited:
            awaited = False
            link.stop_awaiting()
            loop.call_soon_threadsafe(settle, question)

    link.await_frames()
    try:
        question = bridge().ask(_meta_of(request, decoupled), _inputs_of(request), notify)
    except BaseException:
        link.stop_awaiting()
        raise
    future.add_done_callback(lambda done: link.cancel(question) if done.cancelled() else None)
    return future


def _iterator(question: Question) -> Any:
    from triton_python_backend_utils.response_iterator import ResponseIterator

    link = bridge().link

    def responses() -> Iterator[Any]:
        while True:
            frame = link.next_answer(question)
            if frame.type == frames.END:
                return
            yield _response(frame)
            if frame.type != frames.CHUNK:
                return
            link.allow(question, 1)

    return ResponseIterator(responses(), lambda: link.cancel(question))


def _meta_of(request: Any, decoupled: bool) -> dict[str, Any]:
    meta: dict[str, Any] = {"model": request._model_name}
    if request._model_version > 0:
        meta["version"] = str(request._model_version)
    if request._requested_output_names:
        meta["outputs"] = request._requested_output_names
    parameters = dict(request._given_parameters)
    if request._correlation_id:
        flags = request._flags
        parameters.update(sequence_id=request._correlation_id, sequence_start=bool(flags & 1), sequence_end=bool(flags & 2))
    if parameters:
        meta["parameters"] = parameters
    if request._request_id:
        meta["id"] = request._request_id
    if request._timeout:
        meta["timeoutMs"] = request._timeout / 1000
    if decoupled:
        meta["credit"] = AHEAD
    return meta


def _inputs_of(request: Any) -> list[Any]:
    return [tensor.sent() for tensor in request._inputs]


def _response(frame: frames.Frame) -> Any:
    from triton_python_backend_utils.inference_response import InferenceResponse
    from triton_python_backend_utils.tensor import Tensor

    if frame.type == frames.ERROR:
        return InferenceResponse(error=error_from(frame.meta["code"], frame.meta["message"]))
    (received,) = read_requests({"tensors": frame.meta["tensors"]}, frame.body, lambda _: lambda: False)
    return InferenceResponse([Tensor.received(*each) for each in received.inputs], parameters=frame.meta.get("parameters"))
