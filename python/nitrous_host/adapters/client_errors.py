"""Exceptions by which other servers' models choose the status of an answer."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from nitrous_host.errors import CODE_OF_STATUS, HostError, trace

CODES = {**CODE_OF_STATUS, 408: "DEADLINE_EXCEEDED", 412: "FAILED_PRECONDITION"}
# Exceptions of kserve.errors, which carry no status: its server knows them by their classes.
KSERVE = {
    "InvalidInput": 400,
    "ModelNotFound": 404,
    "ModelNotReady": 503,
    "ServerNotReady": 503,
    "UnsupportedProtocol": 501,
}


@contextlib.contextmanager
def client_errors() -> Iterator[None]:
    """Raises a HostError for an exception that says an HTTP status, and everything else as it is."""
    try:
        yield
    except HostError:
        raise
    except Exception as error:
        status = _status_of(error)
        if status is None:
            raise
        detail = getattr(error, "detail", None)
        message = detail if isinstance(detail, str) and detail else str(error)
        raise HostError(CODES.get(status, "INTERNAL"), message, trace(error)) from error


def _status_of(error: Exception) -> int | None:
    names = {each.__name__: each.__module__ for each in type(error).__mro__}
    for name, status in KSERVE.items():
        if names.get(name, "").startswith("kserve."):
            return status
    if isinstance(error, NotImplementedError):
        return 501
    # Of FastAPI's, Starlette's and MLServer's exceptions, and of BentoML's.
    status: Any = getattr(error, "status_code", None) or getattr(error, "error_code", None)
    return int(status) if isinstance(status, int) else None
