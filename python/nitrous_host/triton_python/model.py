"""A TritonPythonModel as the host's loop sees it."""

from __future__ import annotations

import functools
import inspect
import threading
from typing import Any, Callable, Sequence

from nitrous_host.errors import HostError, from_exception, summary, trace
from nitrous_host.replies import Reply
from nitrous_host.requests import Answer, Answered, Request, write_answer
from nitrous_host.triton_python.codes import host_error
from nitrous_host.triton_python.event_loop import BackgroundLoop
from triton_python_backend_utils.constants import TRITONSERVER_REQUEST_RELEASE_RESCHEDULE
from triton_python_backend_utils.errors import TritonModelException
from triton_python_backend_utils.inference_request import InferenceRequest
from triton_python_backend_utils.inference_response import InferenceResponse
from triton_python_backend_utils.response_sender import InferenceResponseSender

_NOT_ITERATIVE = HostError(
    "INVALID_ARGUMENT",
    "Request is released with TRITONSERVER_REQUEST_RELEASE_RESCHEDULE, while the model is not configured to handle such a flag. "
    "Give it sequence_batching with iterative_sequence: true",
)


class TritonModel:
    """
    `execute` runs in the host's main thread, one call at a time, but for coroutines of decoupled models, which run beside each other in
    an event loop.
    """

    def __init__(self, description: dict[str, Any], instance: Any, name: str) -> None:
        self.description = description
        self._instance = instance
        self._execute = instance.execute
        self._name = name
        self._outputs = [entry["name"] for entry in description["configuration"].get("output", [])]
        self._loop = BackgroundLoop()

    def infer_together(self, requests: Sequence[Request]) -> list[Answer]:
        """An answer or an error for each; an exception of `execute` is the error of all."""
        received = [InferenceRequest.received(request, self._outputs, _make_single) for request in requests]
        try:
            responses = self._run(received)
        except (Exception, SystemExit) as error:
            failure = self._failure(error)
            # What has been sent before has reached its client.
            return [failure if each._single is None or each._single.sent is None else _told(each, each._single.sent) for each in received]
        return [self._answer(request, response) for request, response in zip(received, responses)]

    def reply(self, request: Request, reply: Reply) -> None:
        """Decoupled: the model sends through the request's sender, now or later."""
        received = InferenceRequest.received(request, self._outputs)
        received._cancelled = reply.is_cancelled
        sender = received._sender = self._open_sender(received, reply)

        def fail(error: BaseException) -> None:
            sender.close()
            reply.end(self._failure(error))

        try:
            returned = self._execute([received])
            if inspect.iscoroutine(returned):
                when_failed(self._loop.start(returned), fail)
            elif returned is not None:
                raise TritonModelException(f"Python model '{self._name}' is using the decoupled mode and the execute function must return None.")
        except (Exception, SystemExit) as error:
            fail(error)
            return
        if is_rescheduled(received):
            sender.close()
            reply.end(_NOT_ITERATIVE)

    def is_ready(self) -> bool:
        """What the model's own `is_ready` says, beside calls of `execute`. Raises what that raises, and TritonModelException for no boolean."""
        said = self._instance.is_ready()
        if inspect.iscoroutine(said):
            said = self._loop.start(said).result()
        if not isinstance(said, bool):
            raise TritonModelException("is_ready() must return a boolean value")
        return said

    def close(self) -> None:
        self._loop.stop()
        if hasattr(self._instance, "finalize"):
            self._instance.finalize()

    def _run(self, received: list[InferenceRequest]) -> Sequence[Any]:
        """What `execute` has returned for each: a response, or None."""
        returned = self._execute(received)
        if inspect.iscoroutine(returned):
            returned = self._loop.start(returned).result()
        responses = as_returned(returned, len(received))
        for request, response in zip(received, responses):
            if response is not None:
                check_response(request, response)
        return responses

    def _answer(self, request: InferenceRequest, response: InferenceResponse | None) -> Answer:
        if is_rescheduled(request):
            return _NOT_ITERATIVE
        single = request._single
        # The first one counts, and that is what has been sent while `execute` ran.
        if single is not None and (response is None or single.sent is not None):
            request._sender = None
            response = single.wait()
        return self._unanswered() if response is None else _told(request, response)

    def _unanswered(self) -> HostError:
        return HostError("INTERNAL", f"model instance '{self._name}' neither returned nor sent a response for the request")

    def _open_sender(self, request: InferenceRequest, reply: Reply) -> InferenceResponseSender:
        # Nothing here may hold the request but the model: when that lets go of it, the stream is over.
        deliver = functools.partial(self._send, request._requested_output_names, reply)
        return InferenceResponseSender(True, deliver, reply.end, reply.is_cancelled)

    def _send(self, wanted: list[str], reply: Reply, response: InferenceResponse) -> None:
        if response._error is not None:
            reply.end(host_error(response._error))
            return
        reply.send(write_answer(_answered(wanted, response)))

    def _failure(self, error: BaseException) -> HostError:
        text = str(error) if isinstance(error, TritonModelException) else summary(error)
        failure = from_exception(error)
        return HostError(failure.code, f"Failed to process the request(s) for model instance '{self._name}', message: {text}", trace(error))


class _Single:
    """The one response that a model which is not decoupled may send instead of returning it."""

    def __init__(self) -> None:
        self.sent: InferenceResponse | None = None
        self._over = threading.Event()

    def send(self, response: InferenceResponse) -> None:
        self.sent = response
        self._over.set()

    def give_up(self) -> None:
        self._over.set()

    def wait(self) -> InferenceResponse | None:
        """None when nobody holds its sender any more."""
        self._over.wait()
        return self.sent


def _make_single(request: InferenceRequest) -> InferenceResponseSender:
    single = request._single = _Single()
    return InferenceResponseSender(False, single.send, single.give_up, request._cancelled)


def _told(request: InferenceRequest, response: InferenceResponse) -> Answer:
    if response._error is not None:
        return host_error(response._error)
    return _answered(request._requested_output_names, response)


def _answered(wanted: list[str], response: InferenceResponse) -> Answered:
    return Answered([tensor.sent() for tensor in response._output_tensors if tensor._name in wanted], response._parameters)


def as_returned(returned: Any, requests: int) -> Sequence[Any]:
    if returned is None:
        return [None] * requests
    if not isinstance(returned, list):
        raise TritonModelException(f"Expected a list in the execute return, found type '{type(returned)}'.")
    if len(returned) != requests:
        raise TritonModelException(
            "Number of InferenceResponse objects do not match the number of InferenceRequest objects. "
            f"InferenceRequest(s) size is:{requests}, and InferenceResponse(s) size is:{len(returned)}"
        )
    return returned


def check_response(request: InferenceRequest, response: Any) -> None:
    if is_rescheduled(request):
        raise TritonModelException(f"Expected a None object in the execute function return list for reschduled request, found type '{type(response)}'.")
    if not isinstance(response, InferenceResponse):
        raise TritonModelException(f"Expected an 'InferenceResponse' object in the execute function return list, found type '{type(response)}'.")


def is_rescheduled(request: InferenceRequest) -> bool:
    return request._release_flags == TRITONSERVER_REQUEST_RELEASE_RESCHEDULE


def when_failed(future: Any, fail: Callable[[BaseException], None]) -> None:
    future.add_done_callback(lambda done: _tell(done, fail))


def _tell(done: Any, fail: Any) -> None:
    error = done.exception()
    if error is not None:
        fail(error)
