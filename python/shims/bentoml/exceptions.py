"""Exceptions that choose the status of an answer."""

from __future__ import annotations

from http import HTTPStatus


class BentoMLException(Exception):
    error_code = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str, *, error_code: HTTPStatus | None = None) -> None:
        super().__init__(message)
        self.message = message
        if error_code is not None:
            self.error_code = error_code


class InvalidArgument(BentoMLException):
    error_code = HTTPStatus.BAD_REQUEST


class BadInput(InvalidArgument):
    pass


class NotFound(BentoMLException):
    error_code = HTTPStatus.NOT_FOUND


class InternalServerError(BentoMLException):
    pass


class ServiceUnavailable(BentoMLException):
    error_code = HTTPStatus.SERVICE_UNAVAILABLE
