"""A TritonPythonModel with iterative sequences: each call of `execute` is one step of all the requests that are under way."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy

from nitrous_host.errors import HostError, from_exception
from nitrous_host.replies import Reply
from nitrous_host.requests import Request
from nitrous_host.server_link import parent
from nitrous_host.triton_python.model import TritonModel, as_returned, check_response, is_rescheduled, when_failed
from triton_python_backend_utils.constants import TRITONSERVER_REQUEST_RELEASE_ALL
from triton_python_backend_utils.errors import TritonModelException
from triton_python_backend_utils.inference_request import InferenceRequest
from triton_python_backend_utils.inference_response import InferenceResponse
from triton_python_backend_utils.response_sender import InferenceResponseSender
from triton_python_backend_utils.tensor import Tensor

_FALSE = (("int32_false_true", numpy.int32), ("fp32_false_true", numpy.float32), ("bool_false_true", numpy.bool_))


class IterativeModel(TritonModel):
    """
    `reply` only takes a request; `step` executes it, with others, and once more for as long as the model releases it with the flag to
    reschedule. Those that have waited for longest come first, so that new requests join those that are under way.
    """

    def __init__(self, description: dict[str, Any], instance: Any, name: str) -> None:
        super().__init__(description, instance, name)
        configuration = description["configuration"]
        self._most = max(1, int(configuration.get("max_batch_size", 0)))
        self._ragged = {entry["name"] for entry in configuration.get("input", []) if entry.get("allow_ragged_batch")}
        self._at_first_only = _controls_of_the_first(configuration["sequence_batching"])
        self._decoupled = description["methods"]["predict"]["streaming"]
        self._waiting: list[_UnderWay] = []

    @property
    def has_step(self) -> bool:
        return bool(self._waiting)

    def reply(self, request: Request, reply: Reply) -> None:
        received = InferenceRequest.received(request, self._outputs)
        received._cancelled = reply.is_cancelled
        if self._decoupled:
            received._sender = self._open_sender(received, reply)
        else:
            received._make_sender = functools.partial(self._sender_of_one, reply)
        # As in Triton, requests share a call when their tensors are alike but for their rows.
        alike = [(name, datatype, None if name in self._ragged else array.shape[1:]) for name, datatype, array in request.inputs]
        self._waiting.append(_UnderWay(received, reply, sorted(alike, key=lambda each: each[0])))

    def step(self) -> None:
        """One call of `execute`."""
        taken = self._take()
        if not taken:
            return
        parent.set(taken[0].stream)
        try:
            responses = self._responses_of(taken)
        except (Exception, SystemExit) as error:
            self._fail(taken, error)
            return
        for each, response in zip(taken, responses):
            if is_rescheduled(each.request):
                each.go_on(self._at_first_only)
                self._waiting.append(each)
            elif not self._decoupled:
                self._finish(each, response)

    def _take(self) -> list[_UnderWay]:
        taken: list[_UnderWay] = []
        later: list[_UnderWay] = []
        for each in self._waiting:
            # Nobody waits for more of it.
            if each.reply.over:
                continue
            fits = not taken or (len(taken) < self._most and each.alike == taken[0].alike)
            (taken if fits else later).append(each)
        self._waiting = later
        return taken

    def _responses_of(self, taken: list[_UnderWay]) -> list[Any]:
        returned = self._execute([each.request for each in taken])
        if self._decoupled:
            if inspect.iscoroutine(returned):
                when_failed(self._loop.start(returned), lambda error: self._fail(taken, error))
            elif returned is not None:
                raise TritonModelException(f"Python model '{self._name}' is using the decoupled mode and the execute function must return None.")
            return [None] * len(taken)
        if inspect.iscoroutine(returned):
            returned = self._loop.start(returned).result()
        responses = as_returned(returned, len(taken))
        for each, response in zip(taken, responses):
            if response is not None:
                check_response(each.request, response)
        return list(responses)

    def _finish(self, each: _UnderWay, response: InferenceResponse | None) -> None:
        if response is not None:
            self._answer_one(each.request._requested_output_names, each.reply, response)
        elif each.request._sender is None:
            each.reply.end(self._unanswered())

    def _sender_of_one(self, reply: Reply, request: InferenceRequest) -> InferenceResponseSender:
        wanted = request._requested_output_names
        return InferenceResponseSender(
            False, lambda response: self._answer_one(wanted, reply, response), lambda: reply.end(self._unanswered()), request._cancelled
        )

    def _answer_one(self, wanted: list[str], reply: Reply, response: InferenceResponse) -> None:
        try:
            self._send(wanted, reply, response)
        except Exception as error:
            reply.end(from_exception(error))
        reply.end()

    def _fail(self, taken: list[_UnderWay], error: BaseException) -> None:
        failure = self._failure(error)
        for each in taken:
            if each.request._sender is not None:
                each.request._sender.close()
            each.reply.end(failure)


class _UnderWay:
    """A request between its arrival and its last answer."""

    def __init__(self, request: InferenceRequest, reply: Reply, alike: list[Any]) -> None:
        self.request = request
        self.reply = reply
        self.alike = alike
        self.stream = parent.get(0)

    def go_on(self, at_first_only: dict[str, Any]) -> None:
        """From now on it is neither the beginning nor the end of its sequence."""
        self.request._flags = 0
        self.request._release_flags = TRITONSERVER_REQUEST_RELEASE_ALL
        for index, tensor in enumerate(self.request._inputs):
            value = at_first_only.get(tensor.name())
            if value is not None:
                self.request._inputs[index] = Tensor(tensor.name(), numpy.full_like(tensor.as_numpy(), value))


def _controls_of_the_first(batching: dict[str, Any]) -> dict[str, Any]:
    """By name the control inputs that tell of beginnings and ends, with what they hold otherwise."""
    found: dict[str, Any] = {}
    for entry in batching.get("control_input", []):
        for control in entry.get("control", []):
            if control.get("kind", "CONTROL_SEQUENCE_START") not in ("CONTROL_SEQUENCE_START", "CONTROL_SEQUENCE_END"):
                continue
            for key, kind in _FALSE:
                if control.get(key):
                    found[entry["name"]] = kind(control[key][0])
    return found
