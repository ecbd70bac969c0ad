"""The frame codec; docs/frames.md is the specification."""

import json
import struct
from typing import NamedTuple

HELLO, LOAD, PROGRESS, READY, INFER = 1, 2, 3, 4, 5
RESULT, CHUNK, END, ERROR, CANCEL, CREDIT = 8, 9, 10, 11, 12, 13
PING, LOG, UNLOAD, PONG = 15, 17, 19, 20

HEADER = struct.Struct("<2sBBIIIQ")
MAGIC = b"NT"
PROTOCOL = 1
MAX_METADATA = 64 << 20
MAX_BODY = 2 << 30

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class FrameError(Exception):
    """The bytes are not a frame; the connection cannot be read on."""


class Header(NamedTuple):
    type: int
    stream: int
    meta_length: int
    body_length: int


class Frame(NamedTuple):
    type: int
    stream: int
    meta: dict
    blobs: list


def encode(frame_type: int, stream: int, meta: dict, blobs=()) -> list:
    """One frame as buffers to send in this order; blobs are bytes-like and not copied."""
    text = _encode(meta).encode()
    text += b" " * (-len(text) & 7)
    buffers = [b"", text]
    body_length = 0
    for blob in blobs:
        length = memoryview(blob).nbytes
        padding = -length & 7
        body_length += length + padding
        if length:
            buffers.append(blob)
        if padding:
            buffers.append(b"\0" * padding)
    if len(text) > MAX_METADATA or body_length > MAX_BODY:
        raise FrameError(f"a frame of {len(text)} bytes of metadata and {body_length} bytes of body is over the limits")
    buffers[0] = HEADER.pack(MAGIC, PROTOCOL, frame_type, stream, len(text), 0, body_length)
    return buffers


def parse_header(data) -> Header:
    """The header in the first 24 bytes of `data`."""
    magic, protocol, frame_type, stream, meta_length, reserved, body_length = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FrameError("a frame does not begin with NT")
    if protocol != PROTOCOL:
        raise FrameError(f"protocol version {protocol} instead of {PROTOCOL}")
    if reserved:
        raise FrameError("the reserved bytes of a header are not zero")
    if meta_length % 8 or meta_length > MAX_METADATA:
        raise FrameError(f"metadata of {meta_length} bytes")
    if body_length % 8 or body_length > MAX_BODY:
        raise FrameError(f"a body of {body_length} bytes")
    return Header(frame_type, stream, meta_length, body_length)


def parse_contents(header: Header, contents: memoryview) -> Frame:
    """The frame of a header and its metadata and body; blobs are views of `contents`."""
    try:
        meta = json.loads(bytes(contents[: header.meta_length]))
    except ValueError as error:
        raise FrameError(f"metadata is not JSON: {error}") from None
    if not isinstance(meta, dict):
        raise FrameError("metadata is not a JSON object")
    blobs = []
    position = header.meta_length
    for tensor in meta.get("tensors") or ():
        length = tensor.get("bytes") if isinstance(tensor, dict) else None
        if type(length) is not int or length < 0:
            raise FrameError("a tensor without a length in bytes")
        if position + length > len(contents):
            raise FrameError("blobs are longer than the body")
        blobs.append(contents[position : position + length])
        position += length + (-length & 7)
    if position != len(contents):
        raise FrameError("blobs and body disagree")
    return Frame(header.type, header.stream, meta, blobs)
