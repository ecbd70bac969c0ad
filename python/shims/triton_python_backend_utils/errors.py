"""What a model says when it cannot answer a request."""

from __future__ import annotations

import enum


class _Code(enum.IntEnum):
    UNKNOWN = 0
    INTERNAL = 1
    NOT_FOUND = 2
    INVALID_ARG = 3
    UNAVAILABLE = 4
    UNSUPPORTED = 5
    ALREADY_EXISTS = 6
    CANCELLED = 7


class TritonError:
    """Of one request, in its InferenceResponse."""

    UNKNOWN = _Code.UNKNOWN
    INTERNAL = _Code.INTERNAL
    NOT_FOUND = _Code.NOT_FOUND
    INVALID_ARG = _Code.INVALID_ARG
    UNAVAILABLE = _Code.UNAVAILABLE
    UNSUPPORTED = _Code.UNSUPPORTED
    ALREADY_EXISTS = _Code.ALREADY_EXISTS
    CANCELLED = _Code.CANCELLED

    def __init__(self, message: str, code: int = _Code.INTERNAL) -> None:
        if not isinstance(message, str):
            raise TypeError(f"the message of a TritonError is text, not {type(message).__name__}")
        self._message = message
        self._code = _Code(code)

    def code(self) -> int:
        return self._code

    def message(self) -> str:
        return self._message


class TritonModelException(Exception):
    """Of all requests of a call."""
