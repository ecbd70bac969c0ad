"""Requests that share a call and stay what they are: read from one infer frame, answered in one result frame."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Sequence, Tuple, Union

from nitrous_host import tensors
from nitrous_host.errors import HostError
from nitrous_host.frames import Blob

try:
    import numpy
except ImportError:  # As in tensors.
    numpy = None  # type: ignore[assignment]


Input = Tuple[str, str, "numpy.ndarray"]  # name, datatype and array
# Name and array, and the datatype where the array's own does not say it: BF16, of which it has the uint16 values.
Output = Tuple[str, "numpy.ndarray", Union[str, None]]


@dataclasses.dataclass
class Answered:
    outputs: Sequence[Output]
    parameters: dict[str, Any]


Answer = Union[Answered, HostError]


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


def write_answers(answers: Sequence[Answer]) -> tuple[dict[str, Any], list[Blob]]:
    """Metadata and blobs of a result frame. An answer that is no tensor becomes that request's error."""
    told: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    blobs: list[Blob] = []
    for answer in answers:
        if not isinstance(answer, HostError):
            try:
                written = [write_output(*output) for output in answer.outputs]
            except HostError as error:
                answer = error
            else:
                told.append({"tensors": len(written), **_parameters_meta(answer.parameters)})
                for entry, blob in written:
                    entries.append(entry)
                    blobs.append(blob)
                continue
        told.append({"error": _error_meta(answer)})
    return {"answers": told, "tensors": entries}, blobs


def write_answer(answer: Answered) -> tuple[dict[str, Any], list[Blob]]:
    """Metadata and blobs of a chunk. Raises HostError INTERNAL for what has no datatype."""
    meta, blobs = write_outputs(answer.outputs)
    return {**meta, **_parameters_meta(answer.parameters)}, blobs


def _parameters_meta(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": parameters} if parameters else {}


def write_outputs(outputs: Sequence[Output]) -> tuple[dict[str, Any], list[Blob]]:
    """Metadata and blobs of tensors. Raises HostError INTERNAL for what has no datatype."""
    entries: list[dict[str, Any]] = []
    blobs: list[Blob] = []
    for output in outputs:
        entry, blob = write_output(*output)
        entries.append(entry)
        blobs.append(blob)
    return {"tensors": entries}, blobs


def write_output(name: str, array: numpy.ndarray, datatype: str | None = None) -> tuple[dict[str, Any], Blob]:
    """As `write_tensor`, but all that is in an object array is text: bytes as they are, anything else by its `str`."""
    if array.dtype.kind != "O":
        entry, blob = tensors.write_tensor(name, array)
        if datatype is not None:
            entry["datatype"] = datatype
        return entry, blob
    parts: list[bytes] = []
    for element in array.reshape(-1).tolist():
        if type(element) is not bytes:
            element = str(element).encode("utf-8", "surrogatepass")
        parts.append(len(element).to_bytes(4, "little"))
        parts.append(element)
    blob = b"".join(parts)
    return {"name": name, "datatype": "BYTES", "shape": list(array.shape), "bytes": len(blob)}, blob


def _read_input(entry: dict[str, Any], body: memoryview, position: int, length: int) -> Input:
    name, datatype, shape = entry["name"], entry["datatype"], entry["shape"]
    if datatype == "BYTES":
        return name, datatype, _read_elements(name, bytes(body[position : position + length]), shape)
    dtype = "<u2" if datatype == "BF16" else tensors.DTYPES.get(datatype)
    if dtype is None:
        raise HostError("INVALID_ARGUMENT", f"input '{name}' has the unknown datatype {datatype}")
    try:
        array = numpy.frombuffer(body[position : position + length], dtype)
        return name, datatype, array if len(shape) == 1 and shape[0] == array.size else array.reshape(shape)
    except ValueError as error:
        raise HostError("INVALID_ARGUMENT", f"input '{name}' does not hold what its shape {shape} says: {error}") from error


def _read_elements(name: str, data: bytes, shape: list[int]) -> numpy.ndarray:
    elements: list[bytes] = []
    position = 0
    while position + 4 <= len(data):
        start = position + 4
        position = start + int.from_bytes(data[position:start], "little")
        elements.append(data[start:position])
    array = numpy.empty(len(elements), dtype=object)
    array[:] = elements
    if position != len(data) or array.size != numpy.prod(shape, dtype=int):
        raise HostError("INVALID_ARGUMENT", f"input '{name}' does not hold the BYTES elements that its shape {shape} says")
    return array.reshape(shape)


def _error_meta(error: HostError) -> dict[str, Any]:
    meta = {"code": error.code, "message": error.message}
    if error.detail is not None:
        meta["detail"] = error.detail
    return meta
