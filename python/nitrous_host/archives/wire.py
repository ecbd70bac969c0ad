"""
Whole HTTP requests and answers as elements of a BYTES tensor, so that requests with headers of their own share a call. An element is
an unsigned 32-bit length, as many bytes of JSON, and then the bytes of the parts or of the body.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from nitrous_host.errors import HostError


@dataclass
class Part:
    """The body (its name is then "body") or a field of a form; `type` is a media type in lower case, or empty."""

    name: str
    type: str
    data: bytes


@dataclass
class Request:
    headers: dict[str, str]
    parts: list[Part]


@dataclass
class Response:
    """Either a body, or `error`: why there is none."""

    status: int
    body: bytes = b""
    type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    error: str | None = None


def read_request(element: Any) -> Request:
    """Raises HostError INVALID_ARGUMENT for bytes that are no request of this form."""
    # Elements that happen to be text have been decoded.
    data = element.encode() if isinstance(element, str) else bytes(element)
    try:
        end = 4 + int.from_bytes(data[:4], "little")
        head = json.loads(data[4:end])
        parts = []
        for part in head["parts"]:
            start, end = end, end + part["bytes"]
            parts.append(Part(part["name"], part["type"], data[start:end]))
        return Request(dict(head["headers"]), parts)
    except (KeyError, TypeError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"the bytes are no request of TorchServe's protocol: {error!r}") from error


def write_response(response: Response) -> bytes:
    head: dict[str, Any] = {"status": response.status, "headers": response.headers}
    if response.type is not None:
        head["type"] = response.type
    if response.error is not None:
        head["error"] = response.error
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "little") + text + response.body
