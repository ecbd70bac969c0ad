"""Tensors on the wire to and from numpy arrays."""

from __future__ import annotations

import functools
import math
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.frames import Blob, encode_json

try:
    import numpy
except ImportError:  # A custom model that takes and gives JSON does without.
    numpy = None  # type: ignore[assignment]

DTYPES = {
    "BOOL": "|b1",
    "UINT8": "|u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "|i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
DATATYPES = {dtype[1:]: datatype for datatype, dtype in DTYPES.items()}
# By numpy's own object; of another byte order there is none.
_DATATYPES = {} if numpy is None else {numpy.dtype(dtype): datatype for datatype, dtype in DTYPES.items()}

# Bytes up to which a copy costs less than a view.
SMALL_BLOB = 64 * 1024


def read_tensors(entries: list[dict[str, Any]], body: memoryview) -> dict[str, numpy.ndarray]:
    """
    Arrays by name, as writable views of the body where the datatype allows. BF16 comes as float32; BYTES as an
    object array of str, or of bytes for elements that are not UTF-8. Raises HostError.
    """
    if numpy is None:
        raise HostError("FAILED_PRECONDITION", "needs package numpy: add it to requirements.txt in the model's folder")
    arrays: dict[str, numpy.ndarray] = {}
    position = 0
    for entry in entries:
        length = entry["bytes"]
        name = entry["name"]
        if name in arrays:
            raise HostError("INVALID_ARGUMENT", f"input '{name}' is given twice")
        arrays[name] = _read_tensor(entry, body[position : position + length])
        position += length + (-length & 7)
    return arrays


def write_tensor(name: str, array: Any) -> tuple[dict[str, Any], Blob]:
    """The metadata and the blob of anything that numpy takes for an array. Raises HostError INTERNAL."""
    datatype, shape, blob = write_array(name, array)
    return entry_of(name, datatype, shape, len(blob)), blob


def entry_of(name: str, datatype: str, shape: tuple[int, ...], length: int) -> dict[str, Any]:
    """The metadata of a tensor whose blob has so many bytes."""
    return {"name": name, "datatype": datatype, "shape": list(shape), "bytes": length}


@functools.lru_cache(512)
def entry_json(name: str, datatype: str, shape: tuple[int, ...], length: int) -> bytes:
    """The same as JSON: most tensors are like one before."""
    return encode_json(entry_of(name, datatype, shape, length))


def write_array(name: str, array: Any) -> tuple[str, tuple[int, ...], Blob]:
    """Datatype, shape and blob of anything that numpy takes for an array. Raises HostError INTERNAL."""
    if type(array) is not numpy.ndarray:
        array = numpy.asarray(array)
    shape = array.shape
    datatype = _DATATYPES.get(array.dtype)
    if datatype is None:
        array, datatype = _with_datatype(name, array)
        if datatype == "BYTES":
            return datatype, shape, _write_elements(array)
    large = array.nbytes > SMALL_BLOB
    return datatype, shape, numpy.ascontiguousarray(array).reshape(-1).view(numpy.uint8).data if large else array.tobytes()


def datatype_of(array: Any) -> str:
    """The datatype that `write_tensor` gives an array."""
    return write_tensor("", array)[0]["datatype"]


def _read_tensor(entry: dict[str, Any], blob: memoryview) -> numpy.ndarray:
    name, datatype, shape = entry["name"], entry["datatype"], entry["shape"]
    count = math.prod(shape)
    if datatype == "BYTES":
        return _read_elements(name, blob, count).reshape(shape)
    dtype = "<u2" if datatype == "BF16" else DTYPES.get(datatype)
    if dtype is None:
        raise HostError("INVALID_ARGUMENT", f"input '{name}' has the unknown datatype {datatype}")
    array = numpy.frombuffer(blob, dtype)
    if array.size != count:
        raise HostError("INVALID_ARGUMENT", f"input '{name}' has {array.size} elements; its shape {shape} needs {count}")
    if datatype == "BF16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.reshape(shape)


def _read_elements(name: str, blob: memoryview, count: int) -> numpy.ndarray:
    array = numpy.empty(count, dtype=object)
    data = blob.tobytes()
    position = 0
    for index in range(count):
        start = position + 4
        position = start + int.from_bytes(data[position:start], "little")
        if start > len(data) or position > len(data):
            break
        element = data[start:position]
        try:
            array[index] = element.decode()
        except UnicodeDecodeError:
            array[index] = element
    else:
        if position == len(data):
            return array
    raise HostError("INVALID_ARGUMENT", f"input '{name}' does not hold {count} BYTES elements")


def _write_elements(array: numpy.ndarray) -> bytes:
    parts: list[bytes] = []
    for element in array.reshape(-1).tolist():
        if isinstance(element, str):
            element = element.encode("utf-8", "surrogatepass")
        parts.append(len(element).to_bytes(4, "little"))
        parts.append(element)
    return b"".join(parts)


def _with_datatype(name: str, array: numpy.ndarray) -> tuple[numpy.ndarray, str]:
    """An array whose dtype is none of the wire's, as one that has a datatype."""
    if array.dtype.str[1:] in DATATYPES:
        return array.astype(array.dtype.newbyteorder("<")), DATATYPES[array.dtype.str[1:]]
    if array.dtype.kind in "UST":
        return array.astype(object) if array.dtype.kind == "T" else array, "BYTES"
    if array.dtype.kind == "O":
        elements = array.reshape(-1).tolist()
        kinds = sorted({type(element).__name__ for element in elements})
        if all(isinstance(element, (str, bytes)) for element in elements):
            return array, "BYTES"
        # Numbers in an object array: what numpy makes of them without being told.
        if all(isinstance(element, (bool, int, float, numpy.generic)) for element in elements):
            inferred = numpy.array(elements).reshape(array.shape)
            if inferred.dtype in _DATATYPES:
                return inferred, _DATATYPES[inferred.dtype]
        raise HostError("INTERNAL", f"output '{name}' holds {', '.join(kinds)}, which is no tensor datatype")
    raise HostError("INTERNAL", f"output '{name}' has the numpy type {array.dtype}, which is no tensor datatype")
