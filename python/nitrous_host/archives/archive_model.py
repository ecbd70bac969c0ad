"""A loaded archive: its handler behind V1, the Open Inference Protocol and TorchServe's own routes."""

from __future__ import annotations

import json
import sys
from typing import Any, Iterator

import numpy

from nitrous_host.archives.calls import CallFailed, Handled, call_handler
from nitrous_host.archives.entry_point import Handle
from nitrous_host.archives.envelopes import content_of, document_of, instances_of, rows_of_tensors, tensors_of_answers
from nitrous_host.archives.plain import plain
from nitrous_host.archives.unpack import Unpacked
from nitrous_host.archives.wire import Part, Request, Response, read_request, write_response
from nitrous_host.errors import HostError
from nitrous_host.payload import Call, Payload

# The methods behind TorchServe's own routes, with the header that tells a handler which it is.
ROUTES = {"predictions": {}, "explanations": {"explain": "True"}, "descriptions": {"describe": "True"}}
REQUEST, RESPONSE = "request", "response"


class ArchiveModel:
    """`envelope` is TorchServe's service envelope for its own routes; V1 and the Open Inference Protocol always have KServe's."""

    def __init__(self, description: dict[str, Any], handle: Handle, context: Any, batch_size: int, envelope: str | None, files: Unpacked) -> None:
        self.description = description
        self._handle = handle
        self._context = context
        self._batch_size = batch_size
        self._envelope = envelope
        # They must be there as long as the handler may read them.
        self._files = files

    def infer(self, call: Call) -> Payload:
        if call.method in ROUTES:
            return self._infer_requests(call)
        headers = {"explain": "True" if call.method == "explain" else "False"}
        try:
            return self._infer_kserve(call.payload, headers)
        except CallFailed as failure:
            raise failure.to_host_error() from failure

    def stream(self, call: Call) -> Iterator[Payload]:
        raise HostError("UNIMPLEMENTED", f"method '{call.method}' does not stream")

    def _infer_kserve(self, payload: Payload, headers: dict[str, str]) -> Payload:
        explains = headers["explain"] == "True"
        if payload.kind == "tensors":
            rows = rows_of_tensors(payload.value)
            handled = self._call(rows, [headers] * len(rows), None)
            handled.check_status()
            return Payload("tensors", tensors_of_answers(handled.answers, list(payload.value)))
        rows = payload.value if payload.kind == "rows" else [payload.value]
        handled = self._call(rows, [headers] * max(len(rows), 1), None if explains else len(rows))
        handled.check_status()
        return Payload("json", {"explanations" if explains else "predictions": plain(handled.answers)})

    def _call(self, rows: list[Any], headers: list[dict[str, str]], expected: int | None) -> Handled:
        return call_handler(self._handle, self._context, rows, headers, expected)

    def _infer_requests(self, call: Call) -> Payload:
        elements = call.payload.value.get(REQUEST) if call.payload.kind == "tensors" else None
        if elements is None:
            raise HostError("INVALID_ARGUMENT", f"method '{call.method}' is for TorchServe's routes, such as POST /predictions/NAME")
        requests = [read_request(element) for element in elements.reshape(-1)]
        for request in requests:
            request.headers = {"explain": "False", **request.headers, **ROUTES[call.method]}
        size = self._batch_size if call.method == "predictions" else 1
        responses: list[Response] = []
        for start in range(0, len(requests), size):
            responses += self._answer(requests[start : start + size])
        answers = numpy.empty(len(responses), dtype=object)
        answers[:] = [write_response(response) for response in responses]
        return Payload("tensors", {RESPONSE: answers})

    def _answer(self, requests: list[Request]) -> list[Response]:
        """Answers of requests that share a call of the handler; those that cannot be read take no part in it."""
        responses: list[Response | None] = [None] * len(requests)
        rows: list[dict[str, Any]] = []
        places: list[int] = []
        for place, request in enumerate(requests):
            try:
                rows.append({part.name: _value(part) for part in request.parts})
                places.append(place)
            except HostError as error:
                responses[place] = Response(400, error=error.message)
        if rows:
            try:
                answered = self._enveloped(rows, [requests[place].headers for place in places])
            except CallFailed as failure:
                if len(rows) > 1 and failure.status < 500:
                    # One of them is wrong; the others shall not pay for it.
                    return [self._answer([request])[0] for request in requests]
                if failure.detail is not None and failure.status >= 500:
                    print(failure.detail, file=sys.stderr, end="", flush=True)
                answered = [Response(failure.status, error=failure.message) for _ in places]
            for place, response in zip(places, answered):
                responses[place] = response
        return [response for response in responses if response is not None]

    def _enveloped(self, rows: list[dict[str, Any]], headers: list[dict[str, str]]) -> list[Response]:
        if self._envelope is None or self._envelope == "body" or "describe" in headers[0]:
            given = [content_of(row) for row in rows] if self._envelope == "body" else rows
            handled = self._call(given, headers, len(rows))
            return [handled.response(index, index) for index in range(len(rows))]
        return [self._in_envelope(row, each) for row, each in zip(rows, headers)]

    def _in_envelope(self, row: dict[str, Any], headers: dict[str, str]) -> Response:
        explains = headers["explain"] == "True"
        try:
            if self._envelope == "json":
                instances = instances_of(row)
            elif self._envelope == "kserve":
                instances = document_of(row, "instances")["instances"]
            else:
                instances = [_with_shape(tensor) for tensor in document_of(row, "inputs")["inputs"]]
        except HostError as error:
            return Response(400, error=error.message)
        handled = self._call(instances, [headers] * max(len(instances), 1), None if explains or self._envelope == "kservev2" else len(instances))
        handled.check_status()
        if self._envelope != "kservev2":
            document: Any = {"explanations" if explains else "predictions": plain(handled.answers)}
        else:
            tensors = tensors_of_answers(handled.answers, [tensor["name"] for tensor in instances])
            document = {"outputs": [{"name": name, "shape": list(array.shape), "data": array.tolist()} for name, array in tensors.items()]}
        return Response(200, json.dumps(document).encode(), "application/json")


def _value(part: Part) -> Any:
    """JSON parsed, text as text, anything else as bytes. Raises HostError INVALID_ARGUMENT for what says that it is JSON and is not."""
    if part.type == "application/json":
        try:
            return json.loads(part.data)
        except ValueError as error:
            raise HostError("INVALID_ARGUMENT", f"{part.name} says that it is JSON, and is not: {error}") from error
    if part.type.startswith("text/"):
        try:
            return part.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise HostError("INVALID_ARGUMENT", f"{part.name} says that it is text, and is no UTF-8: {error}") from error
    return part.data


def _with_shape(tensor: Any) -> dict[str, Any]:
    """An input of the Open Inference Protocol in JSON as handlers get it. Raises HostError INVALID_ARGUMENT."""
    try:
        if tensor["datatype"] == "BYTES":
            return {**tensor, "data": tensor["data"][0]}
        return {**tensor, "data": numpy.asarray(tensor["data"]).reshape(tensor["shape"]).tolist()}
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"an input needs name, shape, datatype and data that fit each other: {error!r}") from error
