"""Pictures of requests for methods whose hints say PIL.Image.Image, and back."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

from nitrous_host.tensors import numpy

PLANES = {1: "L", 3: "RGB", 4: "RGBA"}


def to_image(value: Any) -> Any:
    """
    An image of an encoded file as bytes or base64 (a data: URI too, or {"b64": ...}), or of pixels [height, width] or
    [height, width, 1, 3 or 4]. Raises ValueError for what is none.
    """
    from PIL import Image, UnidentifiedImageError

    if isinstance(value, dict) and isinstance(value.get("b64"), str):
        value = value["b64"]
    if isinstance(value, str):
        value = _decoded(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            image = Image.open(io.BytesIO(value))
            image.load()
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
            raise ValueError(f"the picture cannot be read: {error}".replace(" <_io.BytesIO object", " a file")) from error
        return image
    return Image.fromarray(_pixels(value))


def to_png(image: Any) -> bytes:
    """The bytes of a PNG file."""
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _decoded(text: str) -> bytes:
    if text.startswith(("http://", "https://")):
        raise ValueError("pictures are not fetched from addresses: send the file itself, in base64")
    content = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected a picture's file in base64") from None


def _pixels(value: Any) -> Any:
    try:
        pixels = numpy.asarray(value)
    except ValueError:
        pixels = numpy.empty(0)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    planes = pixels.shape[2] if pixels.ndim == 3 else 1
    if pixels.ndim not in (2, 3) or planes not in PLANES or pixels.dtype.kind not in "iu" or pixels.size == 0:
        raise ValueError("expected a picture: a file in base64, or whole numbers [height, width, 3]")
    if pixels.min() < 0 or pixels.max() > 255:
        raise ValueError("expected pixels from 0 to 255")
    return numpy.ascontiguousarray(pixels, "u1")
