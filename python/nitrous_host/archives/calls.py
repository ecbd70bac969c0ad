"""One call of a handler: its context for the requests, and what went wrong in TorchServe's terms."""

from __future__ import annotations

import io
import json
import traceback
import uuid
from dataclasses import dataclass
from typing import Any

from nitrous_host.archives.entry_point import Handle
from nitrous_host.archives.plain import plain
from nitrous_host.archives.wire import Response
from nitrous_host.errors import CODE_OF_STATUS, HostError, summary

# Of HTTP statuses that handlers give to failures; others are INTERNAL.
CODES = {**CODE_OF_STATUS, 507: "RESOURCE_EXHAUSTED"}

TORCHSCRIPT = "failed in the TorchScript interpreter"


@dataclass
class CallFailed(Exception):
    """A handler raised, or answered something that is no answer; `status` is HTTP's."""

    status: int
    message: str
    detail: str | None = None

    def to_host_error(self) -> HostError:
        return HostError(CODES.get(self.status, "INTERNAL") if self.status != 503 else "INTERNAL", self.message, self.detail)


class Handled:
    """The context after a call, and the answers, one for each row."""

    def __init__(self, answers: list[Any], context: Any) -> None:
        self.answers = answers
        self._context = context

    def response(self, index: int, row: int) -> Response:
        """The answer of a row as HTTP: what the handler said of it, else text for a text, octets for bytes, and JSON for the rest."""
        status, phrase = self._context.get_response_status(index)
        headers = {key.lower(): str(value) for key, value in self._context.get_response_headers(index).items()}
        kind = headers.pop("content-type", None)
        body, natural = _body(self.answers[row])
        before = b"".join(_body(part[row])[0] for part in self._context.intermediate_responses if row < len(part))
        if status >= 400 and phrase and not body:
            return Response(status, error=phrase, headers=headers)
        return Response(status, before + body, kind or natural, headers)

    def check_status(self) -> None:
        """Raises CallFailed when the handler set the status of a failure; for protocols whose answers have one status only."""
        for index, _ in enumerate(self._context.request_processor):
            status, phrase = self._context.get_response_status(index)
            if status >= 400:
                raise CallFailed(status, phrase or f"the handler answered with status {status}")


def call_handler(handle: Handle, context: Any, rows: Any, headers: list[dict[str, str]], expected: int | None) -> Handled:
    """
    Lets a handler answer rows; the context knows one request for each of the headers. `expected` is how many answers there must be,
    None for any number. Raises CallFailed.
    """
    from ts.context import RequestProcessor

    context.request_ids = {index: str(uuid.uuid4()) for index in range(len(headers))}
    context.request_processor = [RequestProcessor(each) for each in headers]
    context.metrics.request_ids = context.request_ids
    context.intermediate_responses = []
    try:
        answers = handle(rows, context)
    except HostError as error:
        raise CallFailed(400 if error.code == "INVALID_ARGUMENT" else 503, error.message) from error
    except MemoryError as error:
        raise CallFailed(507, "Out of resources: there was not enough memory") from error
    except Exception as error:
        raise _failure(error) from error
    if not isinstance(answers, list):
        raise CallFailed(503, f"Invalid model predict output: handle must return a list with one entry for each request, and returned {type(answers).__name__}")
    if expected is not None and len(answers) != expected:
        raise CallFailed(503, f"number of batch response mismatched: handle was given {expected} and returned {len(answers)}")
    return Handled(answers, context)


def _failure(error: Exception) -> CallFailed:
    detail = traceback.format_exc()
    status, message = getattr(error, "error_code", None), getattr(error, "message", None)
    if isinstance(status, int) and isinstance(message, str):
        return CallFailed(status, message, detail)
    if type(error).__name__ == "OutOfMemoryError" or "CUDA out of memory" in str(error):
        return CallFailed(507, "Out of resources: the accelerator has not enough memory", detail)
    return CallFailed(503, f"Prediction failed: {_in_one_line(error)}", detail)


def _in_one_line(error: Exception) -> str:
    """The first line of what an exception says; of TorchScript's, which begin with where it happened, the last."""
    lines = [line.strip() for line in summary(error).splitlines() if line.strip()]
    return lines[-1] if TORCHSCRIPT in lines[0] else lines[0]


def _body(answer: Any) -> tuple[bytes, str]:
    if isinstance(answer, (bytes, bytearray)):
        return bytes(answer), "application/octet-stream"
    if isinstance(answer, str):
        return answer.encode(), "text/plain; charset=utf-8"
    if type(answer).__module__ == "torch" and type(answer).__name__ == "Tensor":
        import torch

        buffer = io.BytesIO()
        torch.save(answer, buffer)
        return buffer.getvalue(), "application/octet-stream"
    try:
        return json.dumps(plain(answer), indent=2).encode(), "application/json"
    except HostError as error:
        raise CallFailed(503, error.message) from error
