"""Images that clients send: files in bytes or base64, and pixels."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy
from PIL import Image, ImageOps, UnidentifiedImageError

from nitrous_host.errors import HostError
from nitrous_host.huggingface.methods import Specification
from nitrous_host.huggingface.rows import from_base64, rows_of, shown
from nitrous_host.payload import Call

IMAGE = "image"
INPUTS: list[Specification] = [{"name": IMAGE, "datatype": "BYTES", "shape": [-1]}]
# Formats whose files can be UTF-8 text, as which a BYTES tensor then brings them.
RAW = ("GIF8", "RIFF", "P3")


def image_rows(call: Call) -> list[Any]:
    """The images of a call in RGB. Raises HostError INVALID_ARGUMENT."""
    return [to_image(row[IMAGE], index) for index, row in enumerate(rows_of(call, (IMAGE,)))]


def to_image(value: Any, index: int) -> Any:
    """An image file (bytes, base64, data: URI), or pixels [height, width, 3] from 0 to 255. Raises HostError INVALID_ARGUMENT."""
    if isinstance(value, str):
        value = _from_text(value, index)
    if isinstance(value, bytes):
        return _open(value, index)
    if isinstance(value, (list, numpy.ndarray)):
        return Image.fromarray(_pixels(value, index))
    raise HostError("INVALID_ARGUMENT", f"instance {index}: the image is {shown(value)}; expected {EXPECTED}")


EXPECTED = 'an image file as {"b64": ...} or base64 text, or pixels [height, width, 3] from 0 to 255'


def _from_text(text: str, index: int) -> bytes:
    if text.startswith(("http://", "https://")):
        raise HostError("INVALID_ARGUMENT", f"instance {index}: images are not fetched from addresses; send the file itself, in base64")
    if text.startswith(RAW):
        return text.encode()
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return from_base64(text)
    except HostError as error:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the image is text that is not base64; expected {EXPECTED}") from error


def _open(data: bytes, index: int) -> Any:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except Image.DecompressionBombError as error:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: {error}") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        message = f"instance {index}: {len(data)} bytes are no image that can be read (PNG, JPEG, WebP and others can)"
        raise HostError("INVALID_ARGUMENT", message) from error


def _pixels(value: Any, index: int) -> numpy.ndarray:
    try:
        array = numpy.asarray(value)
    except ValueError as error:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the image's rows differ in length") from error
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape or array.dtype.kind not in "iu":
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the image is {shown(array)}; expected UINT8 [height, width, 3]")
    if array.dtype != numpy.uint8 and (array.min() < 0 or array.max() > 255):
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the image has values outside of 0 to 255")
    return numpy.ascontiguousarray(array.astype(numpy.uint8))


def png(image: Any) -> str:
    """An image as PNG in base64."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def samples() -> list[Any]:
    """V1 rows of two small images that differ."""
    ramp = numpy.linspace(0, 255, 48, dtype=numpy.uint8)
    first = numpy.repeat(numpy.repeat(ramp[None, :, None], 48, axis=0), 3, axis=2)
    return [{IMAGE: {"b64": png(Image.fromarray(first))}}, {IMAGE: {"b64": png(Image.fromarray(first[:, ::-1, :].copy()))}}]
