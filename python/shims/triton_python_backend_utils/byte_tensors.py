"""Tensors of text as one run of bytes: each element with its length before it, in four bytes, little-endian."""

from __future__ import annotations

from typing import Any

import numpy


def serialize_byte_tensor(input_tensor: numpy.ndarray) -> Any:
    """The bytes of an array of objects or of numpy.bytes_, in C order; () for one without elements, None for any other array."""
    if input_tensor.size == 0:
        return ()
    if input_tensor.dtype.kind not in "OS":
        return None
    parts: list[bytes] = []
    for element in input_tensor.reshape(-1).tolist():
        if not isinstance(element, bytes):
            element = str(element).encode("utf-8")
        parts.append(len(element).to_bytes(4, "little"))
        parts.append(element)
    return b"".join(parts)


def deserialize_bytes_tensor(encoded_tensor: Any) -> numpy.ndarray:
    """An array of bytes objects with one dimension. Raises ValueError for bytes that end in the middle of an element."""
    data = bytes(encoded_tensor)
    elements: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + 4
        position = start + int.from_bytes(data[position:start], "little")
        if start > len(data) or position > len(data):
            raise ValueError("the tensor ends in the middle of an element")
        elements.append(data[start:position])
    array = numpy.empty(len(elements), dtype=object)
    array[:] = elements
    return array
