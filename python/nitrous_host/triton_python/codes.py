"""Triton's codes of errors and gRPC's."""

from __future__ import annotations

from typing import Any

from nitrous_host.errors import HostError

# By the name of TritonError's attribute.
_GRPC = {
    "UNKNOWN": "UNKNOWN",
    "INTERNAL": "INTERNAL",
    "NOT_FOUND": "NOT_FOUND",
    "INVALID_ARG": "INVALID_ARGUMENT",
    "UNAVAILABLE": "UNAVAILABLE",
    "UNSUPPORTED": "UNIMPLEMENTED",
    "ALREADY_EXISTS": "ALREADY_EXISTS",
    "CANCELLED": "CANCELLED",
}
_TRITON = {grpc: triton for triton, grpc in _GRPC.items()} | {
    "OUT_OF_RANGE": "INVALID_ARG",
    "FAILED_PRECONDITION": "UNAVAILABLE",
    "RESOURCE_EXHAUSTED": "UNAVAILABLE",
    "DEADLINE_EXCEEDED": "UNAVAILABLE",
}


def host_error(error: Any) -> HostError:
    """What a client hears of a TritonError."""
    return HostError(_GRPC[error.code().name], error.message())


def error_from(code: str, message: str) -> Any:
    """The TritonError that a model hears of when another one has failed."""
    from triton_python_backend_utils.errors import TritonError

    return TritonError(message, getattr(TritonError, _TRITON.get(code, "INTERNAL")))
