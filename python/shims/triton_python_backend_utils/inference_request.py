"""A request: one that this model answers, or one that it asks of another model."""

from __future__ import annotations

from typing import Any, Callable, Sequence

from nitrous_host.requests import Request
from nitrous_host.triton_python import nested
from triton_python_backend_utils.constants import (
    TRITONSERVER_REQUEST_FLAG_SEQUENCE_END,
    TRITONSERVER_REQUEST_FLAG_SEQUENCE_START,
    TRITONSERVER_REQUEST_RELEASE_ALL,
    TRITONSERVER_REQUEST_RELEASE_RESCHEDULE,
)
from triton_python_backend_utils.errors import TritonModelException
from triton_python_backend_utils.inference_trace import InferenceTrace
from triton_python_backend_utils.parameters import checked_parameters, parameters_json
from triton_python_backend_utils.preferred_memory import PreferredMemory
from triton_python_backend_utils.response_sender import InferenceResponseSender
from triton_python_backend_utils.tensor import Tensor

# Parameters that say what a request is, and have methods of their own.
_OWN = frozenset({"sequence_id", "sequence_start", "sequence_end", "priority", "timeout"})

_NOT_TRACED = InferenceTrace()

MakeSender = Callable[["InferenceRequest"], InferenceResponseSender]


class InferenceRequest:
    """`_single` is for what makes the sender of a request that has one response."""

    __slots__ = (
        "_cancelled",
        "_correlation_id",
        "_flags",
        "_given_parameters",
        "_inputs",
        "_make_sender",
        "_model_name",
        "_model_version",
        "_preferred_memory",
        "_release_flags",
        "_request_id",
        "_requested_output_names",
        "_sender",
        "_single",
        "_timeout",
        "_trace",
    )

    def __init__(
        self,
        request_id: str = "",
        correlation_id: int | str = 0,
        inputs: Sequence[Tensor] | None = None,
        requested_output_names: Sequence[str] | None = None,
        model_name: str | None = None,
        model_version: int = -1,
        flags: int = 0,
        timeout: int = 0,
        preferred_memory: PreferredMemory | None = None,
        trace: InferenceTrace | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        if inputs is None or requested_output_names is None or model_name is None:
            raise TypeError("an InferenceRequest needs inputs, requested_output_names and model_name")
        if not isinstance(correlation_id, (int, str)):
            raise TypeError(f"correlation_id is {type(correlation_id).__name__}, expected int or str")
        if not isinstance(flags, int):
            raise TypeError(f"flags is {type(flags).__name__}, expected int")
        model_name = text_of(model_name)
        request_id = text_of(request_id)
        requested_output_names = [text_of(name) for name in requested_output_names]
        what = f"for request with id '{request_id}' and model name '{model_name}' should not be empty."
        if any(tensor is None for tensor in inputs):
            raise TritonModelException(f"Input tensor {what}")
        if "" in requested_output_names:
            raise TritonModelException(f"Requested output name {what}")
        self._inputs = list(inputs)
        self._requested_output_names = requested_output_names
        self._request_id = request_id
        self._correlation_id: int | str = correlation_id
        self._flags = flags
        self._timeout = timeout
        self._given_parameters = checked_parameters(parameters)
        self._model_name = model_name
        self._model_version = int(model_version)
        self._preferred_memory = preferred_memory
        self._trace = trace or _NOT_TRACED
        self._release_flags = TRITONSERVER_REQUEST_RELEASE_ALL
        self._cancelled: Callable[[], bool] = lambda: False
        self._make_sender: MakeSender | None = None
        self._sender: InferenceResponseSender | None = None
        self._single: Any = None

    @classmethod
    def received(cls, request: Request, outputs: list[str], make_sender: MakeSender | None = None) -> InferenceRequest:
        """One that the server has sent; `outputs` are all that the model has."""
        self = cls.__new__(cls)
        self._inputs = [Tensor.received(*each) for each in request.inputs]
        self._requested_output_names = outputs if request.outputs is None else request.outputs
        self._request_id = request.id
        self._given_parameters = parameters = request.parameters or {}
        self._timeout = round(request.timeout_ms * 1000)
        self._correlation_id, self._flags = _sequence_of(request, parameters)
        self._model_name = ""
        self._model_version = -1
        self._preferred_memory = None
        self._trace = _NOT_TRACED
        self._release_flags = TRITONSERVER_REQUEST_RELEASE_ALL
        self._cancelled = request.cancelled
        self._make_sender = make_sender
        self._sender = None
        self._single = None
        return self

    def inputs(self) -> list[Tensor]:
        return self._inputs

    def requested_output_names(self) -> list[str]:
        return list(self._requested_output_names)

    def request_id(self) -> str:
        return self._request_id

    def correlation_id(self) -> int | str:
        return self._correlation_id

    def flags(self) -> int:
        return self._flags

    def set_flags(self, flags: int) -> None:
        self._flags = flags

    def timeout(self) -> int:
        """Microseconds; 0 for none."""
        return self._timeout

    def parameters(self) -> str:
        return parameters_json({key: value for key, value in self._given_parameters.items() if key not in _OWN})

    def preferred_memory(self) -> PreferredMemory | None:
        return self._preferred_memory

    def trace(self) -> InferenceTrace:
        return self._trace

    def is_cancelled(self) -> bool:
        return self._cancelled()

    def set_release_flags(self, flags: int) -> None:
        if flags not in (TRITONSERVER_REQUEST_RELEASE_ALL, TRITONSERVER_REQUEST_RELEASE_RESCHEDULE):
            raise TritonModelException(f"Unable to set release flags to {flags}: expected RELEASE_ALL or RELEASE_RESCHEDULE")
        self._release_flags = flags

    def get_response_sender(self) -> InferenceResponseSender:
        if self._sender is None:
            if self._make_sender is None:
                raise TritonModelException("a request to another model has no response sender")
            self._sender = self._make_sender(self)
        return self._sender

    def exec(self, decoupled: bool = False) -> Any:  # noqa: A003
        """The response, which may have an error; with `decoupled` an iterator of responses."""
        return nested.exec_request(self, decoupled)

    def async_exec(self, decoupled: bool = False) -> Any:
        """The same as an awaitable. Raises RuntimeError outside of a coroutine."""
        return nested.async_exec_request(self, decoupled)


def text_of(name: str | bytes) -> str:
    """Models take names from tensors of BYTES as they are. Raises TypeError for what is no text."""
    if isinstance(name, bytes):
        return name.decode()
    if not isinstance(name, str):
        raise TypeError(f"expected a text, found {type(name).__name__}")
    return name


def _sequence_of(request: Request, parameters: dict[str, Any]) -> tuple[int | str, int]:
    sequence = request.sequence
    if sequence is None:
        if "sequence_id" not in parameters:
            return 0, 0
        sequence = {
            "id": parameters["sequence_id"],
            "start": parameters.get("sequence_start", False),
            "end": parameters.get("sequence_end", False),
        }
    start = TRITONSERVER_REQUEST_FLAG_SEQUENCE_START if sequence["start"] else 0
    return sequence["id"], start | (TRITONSERVER_REQUEST_FLAG_SEQUENCE_END if sequence["end"] else 0)
