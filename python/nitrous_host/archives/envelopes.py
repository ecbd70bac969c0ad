"""What requests become before a handler gets them, and its answers after: TorchServe's service envelopes."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import numpy

from nitrous_host.archives.plain import plain
from nitrous_host.errors import HostError
from nitrous_host.tensors import datatype_of

ENVELOPES = ("body", "json", "kserve", "kservev2")


def content_of(row: Any) -> Any:
    """The one value of a request: of the form field `data`, else of the body."""
    return (row.get("data") or row.get("body")) if isinstance(row, dict) else row


def document_of(row: Any, wanted: str) -> dict[str, Any]:
    """The JSON object of a request. Raises HostError INVALID_ARGUMENT."""
    value = content_of(row)
    if isinstance(value, (bytes, bytearray, str)):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise HostError("INVALID_ARGUMENT", f"the body is no JSON: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get(wanted), list):
        raise HostError("INVALID_ARGUMENT", f'expected a JSON object with a list "{wanted}"')
    return value


def instances_of(row: Any) -> list[Any]:
    """TensorFlow Serving's instances, with {"b64": ...} as bytes. Raises HostError INVALID_ARGUMENT."""
    return [_decoded(instance) for instance in document_of(row, "instances")["instances"]]


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if list(value) == ["b64"]:
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise HostError("INVALID_ARGUMENT", f"b64 is no base64 text: {error}") from error
    return {key: _decoded(item) if isinstance(item, dict) and list(item) == ["b64"] else item for key, item in value.items()}


def rows_of_tensors(tensors: dict[str, Any]) -> list[dict[str, Any]]:
    """Tensors of the Open Inference Protocol as a handler gets them: one row for each input, numbers as nested lists, of BYTES the first element."""
    rows = []
    for name, array in tensors.items():
        is_bytes = array.dtype.kind == "O"
        if is_bytes and array.size == 0:
            raise HostError("INVALID_ARGUMENT", f"input '{name}' has no element")
        data = array.reshape(-1)[0] if is_bytes else array.tolist()
        rows.append({"name": name, "shape": list(array.shape), "datatype": datatype_of(array), "data": data})
    return rows


def tensors_of_answers(answers: list[Any], names: list[str]) -> dict[str, Any]:
    """Answers as flat tensors, each with the name of its input; what is no number and no text is JSON text."""
    tensors: dict[str, Any] = {}
    for index, answer in enumerate(answers):
        name = names[index] if index < len(names) else f"output-{index}"
        tensors[name] = _flat(answer)
    return tensors


def _flat(answer: Any) -> numpy.ndarray:
    value = plain(answer)
    try:
        array = numpy.asarray(value).reshape(-1)
    except (ValueError, OverflowError):
        array = numpy.empty(0, dtype=object)
    if array.size > 0 and array.dtype.kind in "biuf":
        return array
    if isinstance(value, str):
        return numpy.asarray([value], dtype=object)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return numpy.asarray(value, dtype=object)
    return numpy.asarray([json.dumps(value)], dtype=object)
