"""Requests that share a call and stay what they are: read from one infer frame, answered in one result frame."""

from __future__ import annotations

import math
import struct
from typing import Any, Callable, Sequence, Tuple, Union

from nitrous_host import tensors
from nitrous_host.errors import HostError
from nitrous_host.frames import Blob, encode_json

try:
    import numpy
except ImportError:  # As in tensors.
    numpy = None  # type: ignore[assignment]


Input = Tuple[str, str, "numpy.ndarray"]  # name, datatype and array
# Name and array, and the datatype where the array's own does not say it: BF16, of which it has the uint16 values.
Output = Tuple[str, "numpy.ndarray", Union[str, None]]


class Answered:
    __slots__ = ("outputs", "parameters")

    def __init__(self, outputs: Sequence[Output], parameters: dict[str, Any]) -> None:
        self.outputs = outputs
        self.parameters = parameters


Answer = Union[Answered, HostError]

_ELEMENT_LENGTH = struct.Struct("<I")
# BF16 comes as the uint16 that it is stored in.
_DTYPES = {} if numpy is None else {datatype: numpy.dtype(dtype) for datatype, dtype in (*tensors.DTYPES.items(), ("BF16", "<u2"))}


class Request:
    """One request: inputs in their order; `sequence` as in docs/frames.md."""

    __slots__ = ("inputs", "outputs", "parameters", "id", "timeout_ms", "sequence", "cancelled")

    def __init__(self, inputs: list[Input], meta: dict[str, Any], cancelled: Callable[[], bool]) -> None:
        self.inputs = inputs
        self.outputs: list[str] | None = meta.get("outputs")
        self.parameters: dict[str, Any] | None = meta.get("parameters")
        self.id: str = meta.get("id", "")
        self.timeout_ms: float = meta.get("timeoutMs", 0)
        self.sequence: dict[str, Any] | None = meta.get("sequence")
        self.cancelled = cancelled


def read_requests(meta: dict[str, Any], body: memoryview, cancelled: Callable[[int], Callable[[], bool]]) -> list[Request]:
    """
    The requests of an infer frame. BYTES come as object arrays of bytes, and BF16 as the uint16 that it is stored in. Raises HostError
    INVALID_ARGUMENT.
    """
    inputs: list[Input] = []
    position = 0
    for entry in meta["tensors"]:
        length = entry["bytes"]
        inputs.append(_read_input(entry, body, position, length))
        position += length + (-length & 7)
    entries = meta.get("requests")
    if entries is None:
        return [Request(inputs, meta, cancelled(0))]
    requests: list[Request] = []
    begin = 0
    for index, entry in enumerate(entries):
        end = begin + entry["tensors"]
        requests.append(Request(inputs[begin:end], entry, cancelled(index)))
        begin = end
    return requests


def write_answers(answers: Sequence[Answer]) -> tuple[bytes, list[Blob]]:
    """The members `answers` and `tensors` of a result's metadata, and its blobs. An answer that is no tensor becomes that request's error."""
    told: list[bytes] = []
    entries: list[bytes] = []
    blobs: list[Blob] = []
    for answer in answers:
        if isinstance(answer, HostError):
            told.append(encode_json({"error": _error_meta(answer)}))
            continue
        begin = len(blobs)
        try:
            for name, array, given in answer.outputs:
                datatype, shape, blob = _write_array(name, array, given)
                entries.append(tensors.entry_json(name, datatype, shape, len(blob)))
                blobs.append(blob)
        except HostError as error:
            del entries[begin:], blobs[begin:]
            told.append(encode_json({"error": _error_meta(error)}))
            continue
        if answer.parameters:
            told.append(encode_json({"tensors": len(blobs) - begin, "parameters": answer.parameters}))
        else:
            told.append(b'{"tensors":%d}' % (len(blobs) - begin))
    return b'"answers":[%b],"tensors":[%b]' % (b",".join(told), b",".join(entries)), blobs


def write_answer(answer: Answered) -> tuple[dict[str, Any], list[Blob]]:
    """Metadata and blobs of a chunk. Raises HostError INTERNAL for what has no datatype."""
    meta, blobs = write_outputs(answer.outputs)
    if answer.parameters:
        meta["parameters"] = answer.parameters
    return meta, blobs


def write_outputs(outputs: Sequence[Output]) -> tuple[dict[str, Any], list[Blob]]:
    """Metadata and blobs of tensors. Raises HostError INTERNAL for what has no datatype."""
    entries: list[dict[str, Any]] = []
    blobs: list[Blob] = []
    for name, array, given in outputs:
        datatype, shape, blob = _write_array(name, array, given)
        entries.append(tensors.entry_of(name, datatype, shape, len(blob)))
        blobs.append(blob)
    return {"tensors": entries}, blobs


def _write_array(name: str, array: numpy.ndarray, datatype: str | None) -> tuple[str, tuple[int, ...], Blob]:
    """As `tensors.write_array`, but all that is in an object array is text: bytes as they are, anything else by its `str`."""
    if array.dtype.kind != "O":
        found, shape, blob = tensors.write_array(name, array)
        return datatype or found, shape, blob
    parts: list[bytes] = []
    for element in array.reshape(-1).tolist():
        if type(element) is not bytes:
            element = str(element).encode("utf-8", "surrogatepass")
        parts.append(len(element).to_bytes(4, "little"))
        parts.append(element)
    return "BYTES", array.shape, b"".join(parts)


def _read_input(entry: dict[str, Any], body: memoryview, position: int, length: int) -> Input:
    name, datatype, shape = entry["name"], entry["datatype"], entry["shape"]
    if datatype == "BYTES":
        return name, datatype, _read_elements(name, bytes(body[position : position + length]), shape)
    dtype = _DTYPES.get(datatype)
    if dtype is None:
        raise HostError("INVALID_ARGUMENT", f"input '{name}' has the unknown datatype {datatype}")
    try:
        array = numpy.ndarray(shape, dtype, body, position)
    except (TypeError, ValueError) as error:
        raise _misfit(name, shape) from error
    if array.nbytes != length:
        raise _misfit(name, shape)
    return name, datatype, array


def _read_elements(name: str, data: bytes, shape: list[int]) -> numpy.ndarray:
    elements: list[bytes] = []
    position = 0
    last = len(data) - 4
    while position <= last:
        start = position + 4
        position = start + _ELEMENT_LENGTH.unpack_from(data, position)[0]
        elements.append(data[start:position])
    if position != len(data) or len(elements) != math.prod(shape):
        raise _misfit(name, shape)
    array = numpy.empty(len(elements), dtype=object)
    array[:] = elements
    return array.reshape(shape)


def _misfit(name: str, shape: list[int]) -> HostError:
    return HostError("INVALID_ARGUMENT", f"input '{name}' does not hold what its shape {shape} says")


def _error_meta(error: HostError) -> dict[str, Any]:
    meta = {"code": error.code, "message": error.message}
    if error.detail is not None:
        meta["detail"] = error.detail
    return meta
