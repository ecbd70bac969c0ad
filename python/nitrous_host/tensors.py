"""Tensors of the Open Inference Protocol to numpy arrays and back."""

import struct
from typing import Any, List, Tuple

import numpy as np

from .errors import HostError

_DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_DATATYPES = {dtype: name for name, dtype in _DTYPES.items()}


def to_array(meta: dict, blob: memoryview) -> np.ndarray:
    """A tensor's elements in its shape: a view of the blob, str or bytes objects for BYTES, float32 for BF16."""
    datatype, shape = meta["datatype"], meta["shape"]
    dtype = _DTYPES.get(datatype)
    if dtype is not None:
        return np.frombuffer(blob, dtype).reshape(shape)
    if datatype == "BF16":
        return (np.frombuffer(blob, "<u2").astype("<u4") << 16).view("<f4").reshape(shape)
    array = np.empty(int(np.prod(shape, dtype=np.int64)), dtype=object)
    offset = 0
    for index in range(array.size):
        (length,) = struct.unpack_from("<I", blob, offset)
        element = bytes(blob[offset + 4 : offset + 4 + length])
        try:
            array[index] = element.decode()
        except UnicodeDecodeError:
            array[index] = element
        offset += 4 + length
    return array.reshape(shape)


def from_array(name: str, value: Any) -> Tuple[dict, Any]:
    """The metadata and the blob of an output; lists become arrays as numpy makes them.

    Raises HostError INTERNAL for elements that no datatype holds.
    """
    array = np.asarray(value)
    datatype = _DATATYPES.get(array.dtype.newbyteorder("<") if array.dtype.kind in "iuf" else array.dtype)
    if datatype is not None:
        blob = np.ascontiguousarray(array, _DTYPES[datatype])
        return {"name": name, "datatype": datatype, "shape": list(array.shape), "bytes": blob.nbytes}, blob.reshape(-1).view(np.uint8)
    if array.dtype.kind not in "OUS":
        raise HostError("INTERNAL", f"output '{name}' has elements of {array.dtype}, which the Open Inference Protocol has no datatype for")
    blob = b"".join(_element(name, element) for element in array.reshape(-1).tolist())
    return {"name": name, "datatype": "BYTES", "shape": list(array.shape), "bytes": len(blob)}, blob


def _element(name: str, element: Any) -> bytes:
    if isinstance(element, str):
        element = element.encode()
    elif not isinstance(element, (bytes, bytearray)):
        if element is None or isinstance(element, (dict, list, tuple)) or np.ndim(element) > 0:
            raise HostError("INTERNAL", f"output '{name}' has an element of type {type(element).__name__} among its strings")
        element = str(element).encode()
    return struct.pack("<I", len(element)) + element


def encode_outputs(outputs: dict) -> Tuple[dict, List]:
    """The `tensors` metadata and the blobs of outputs by name."""
    pairs = [from_array(name, value) for name, value in outputs.items()]
    return {"tensors": [meta for meta, _ in pairs]}, [blob for _, blob in pairs]


def datatype_of(array: np.ndarray) -> str:
    """The datatype that an output array is sent as."""
    return _DATATYPES.get(array.dtype, "BYTES")
