"""The codec of docs/frames.md: bytes to and from frames, with no sockets and no tensors."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any, NoReturn, Sequence, Union

HELLO = 1
LOAD = 2
PROGRESS = 3
READY = 4
INFER = 5
RESULT = 8
CHUNK = 9
END = 10
ERROR = 11
CANCEL = 12
CREDIT = 13
CALL = 14
PING = 15
STATS = 16
LOG = 17
UNLOAD = 19
PONG = 20
CHECK = 21

TYPES = frozenset({HELLO, LOAD, PROGRESS, READY, INFER, RESULT, CHUNK, END, ERROR, CANCEL, CREDIT, CALL, PING, STATS, LOG, UNLOAD, PONG, CHECK})

PROTOCOL_VERSION = 1
HEADER_SIZE = 24  # bytes
MAX_META = 64 * 1024 * 1024  # bytes
MAX_BODY = 2 * 1024 * 1024 * 1024  # bytes

# Calls often differ only in what is in their tensors: metadata of so many, up to so long, is decoded once.
MOST_REPEATED = 256
MAX_REPEATED = 2 * 1024  # bytes

HEADER = struct.Struct("<2sBBIIIQ")
MAGIC = b"NT"
NO_BODY = memoryview(b"")
ZEROS = bytes(8)
# Spaces that fill a text up to a multiple of 8, by its length modulo 8.
PADDING = [b" " * (-length & 7) for length in range(8)]

Blob = Union[bytes, bytearray, memoryview]


class FrameError(Exception):
    """The bytes are not frames of this protocol; the connection cannot be read on."""


class UnreadableMeta(Exception):
    """JSON that this host cannot read although it may be valid: too deep, or an integer with too many digits."""

    def __init__(self, stream: int, message: str) -> None:
        super().__init__(message)
        self.stream = stream


class FrameTooLarge(Exception):
    """A frame that would be over the protocol's limits."""


@dataclass
class Frame:
    """One frame; the body is a view of the received bytes and starts aligned for every datatype."""

    type: int
    stream: int
    meta: dict[str, Any]
    body: memoryview = field(default=NO_BODY)


def decode_header(buffer: Blob, position: int = 0) -> tuple[int, int, int, int]:
    """Type, stream, length of the metadata and length of the body of the 24 header bytes there. Raises FrameError."""
    magic, version, kind, stream, meta_length, reserved, body_length = HEADER.unpack_from(buffer, position)
    if magic != MAGIC:
        raise FrameError("a frame does not begin with NT")
    if version != PROTOCOL_VERSION:
        raise FrameError(f"protocol version {version} instead of {PROTOCOL_VERSION}")
    if reserved != 0:
        raise FrameError("the reserved bytes of a header are not zero")
    if meta_length % 8 or meta_length > MAX_META:
        raise FrameError(f"metadata of {meta_length} bytes")
    if body_length % 8 or body_length > MAX_BODY:
        raise FrameError(f"a body of {body_length} bytes")
    return kind, stream, meta_length, body_length


def decode_contents(kind: int, stream: int, contents: bytearray, meta_length: int) -> Frame:
    """The frame whose metadata and body are `contents`. Raises FrameError, or UnreadableMeta."""
    view = memoryview(contents)
    body = view[meta_length:] if len(contents) > meta_length else NO_BODY
    text = bytes(view[:meta_length])
    if meta_length > MAX_REPEATED:
        meta, length = _read_meta(stream, text)
    else:
        meta, length = _repeated.get(text) or _remember(stream, text)
    if length != len(body):
        raise FrameError("blobs are longer than the body" if length > len(body) else "blobs and body disagree")
    return Frame(kind, stream, meta, body)


def encode(kind: int, stream: int, meta: dict[str, Any] | bytes, blobs: Sequence[Blob] = ()) -> list[Blob]:
    """
    One frame as buffers to write in this order; blobs are not copied. Metadata that is bytes is JSON already.
    Raises FrameTooLarge, TypeError for metadata that is not JSON, and ValueError for NaN or infinity in it.
    """
    text = meta if type(meta) is bytes else encode_json(meta)
    text += PADDING[len(text) & 7]
    parts: list[Blob] = [text]
    body_length = 0
    for blob in blobs:
        length = len(blob)
        parts.append(blob)
        if length & 7:
            parts.append(ZEROS[length & 7 :])
        body_length += length + (-length & 7)
    if len(text) > MAX_META:
        raise FrameTooLarge(f"the metadata of a frame would have {len(text)} bytes, more than {MAX_META}")
    if body_length > MAX_BODY:
        raise FrameTooLarge(f"the body of a frame would have {body_length} bytes, more than {MAX_BODY}")
    parts.insert(0, HEADER.pack(MAGIC, PROTOCOL_VERSION, kind, stream, len(text), 0, body_length))
    return parts


def encode_json(value: Any) -> bytes:
    """UTF-8 JSON without white space. Raises TypeError, and ValueError for NaN, infinity and circular references."""
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8; JSON can only escape it.
        return _ASCII_ENCODER.encode(value).encode()


def _remember(stream: int, text: bytes) -> tuple[dict[str, Any], int]:
    read = _read_meta(stream, text)
    if _says_only_tensors(read[0]):
        if len(_repeated) >= MOST_REPEATED:
            _repeated.clear()
        _repeated[text] = read
    return read


def _read_meta(stream: int, text: bytes) -> tuple[dict[str, Any], int]:
    """Metadata, and the length of its tensors in the body."""
    meta = _decode_meta(stream, text)
    return meta, _body_length(meta)


def _decode_meta(stream: int, text: bytes) -> dict[str, Any]:
    try:
        meta = _DECODER.decode(str(text, "utf-8"))
    except UnicodeDecodeError as error:
        raise FrameError("metadata is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise FrameError(f"metadata is not JSON: {error}") from error
    except RecursionError as error:
        raise UnreadableMeta(stream, "JSON is nested too deeply") from error
    except ValueError as error:
        raise UnreadableMeta(stream, str(error)) from error
    if type(meta) is not dict:
        raise FrameError("metadata is not a JSON object")
    return meta


def _body_length(meta: dict[str, Any]) -> int:
    """Bytes of all tensors with what fills each up to a multiple of 8."""
    total = 0
    tensors = meta.get("tensors")
    if type(tensors) is list:
        for tensor in tensors:
            length = tensor.get("bytes") if type(tensor) is dict else None
            if type(length) is float and length.is_integer():
                # JSON has one kind of number: other codecs cannot tell 8.0 from 8.
                length = tensor["bytes"] = int(length)
            if type(length) is not int or length < 0:
                raise FrameError("a tensor without a length in bytes")
            total += length + (-length & 7)
    return total


def _says_only_tensors(meta: dict[str, Any]) -> bool:
    """A call that says no more than which tensors it has and wants: nothing of it is handed to a model."""
    if not meta.keys() <= _OF_CALLS:
        return False
    requests = meta.get("requests", [])
    return type(requests) is list and all(type(each) is dict and each.keys() <= _OF_REQUESTS for each in requests)


def _refuse_constant(name: str) -> NoReturn:
    raise FrameError(f"metadata is not JSON: {name}")


_OF_CALLS = {"tensors", "requests", "model", "method"}
_OF_REQUESTS = {"tensors", "outputs"}
# By its text what `_read_meta` gives; nobody changes it.
_repeated: dict[bytes, tuple[dict[str, Any], int]] = {}

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_ASCII_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
