"""What the handlers of images share: bytes, base64 text and lists of numbers become one tensor."""

from __future__ import annotations

import base64
import binascii
import io
from abc import ABC
from typing import Any, Callable

import torch
from PIL import Image, UnidentifiedImageError

from ts.handler_utils.timer import timed
from ts.torch_handler.base_handler import BaseHandler
from ts.utils.util import PredictionException


class VisionHandler(BaseHandler, ABC):
    """Handlers derived from this have `image_processing`, from an image of PIL to a tensor."""

    image_processing: Callable[[Any], Any]

    def initialize(self, context: Any) -> None:
        super().initialize(context)
        if not context.system_properties.get("limit_max_image_pixels"):
            Image.MAX_IMAGE_PIXELS = None

    @timed
    def preprocess(self, data: list[Any]) -> Any:
        images = [self._image(row) for row in data]
        shapes = sorted({tuple(image.shape) for image in images})
        if len(shapes) > 1:
            raise PredictionException(f"the images of one call have different shapes: {', '.join(str(list(shape)) for shape in shapes)}", 400)
        return torch.stack(images).to(self.device)

    def _image(self, row: Any) -> Any:
        image = (row.get("data") or row.get("body")) if isinstance(row, dict) else row
        if isinstance(image, str):
            try:
                image = base64.b64decode(image, validate=True)
            except (binascii.Error, ValueError) as error:
                raise PredictionException(f"expected an image as base64 text: {error}", 400) from error
        if isinstance(image, (bytes, bytearray)):
            try:
                return self.image_processing(Image.open(io.BytesIO(image)))
            except UnidentifiedImageError as error:
                raise PredictionException(f"the {len(image)} bytes that were sent are no image of a known format", 400) from error
            except (OSError, RuntimeError) as error:
                raise PredictionException(f"the image cannot be used: {error}", 400) from error
        wrong = "expected an image: its bytes, base64 text, or a list of numbers under data or body"
        if not isinstance(image, list):
            raise PredictionException(wrong, 400)
        try:
            return torch.tensor(image, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError) as error:
            raise PredictionException(f"{wrong}: {error}", 400) from error

    def get_insights(self, tensor_data: Any, _: Any, target: int = 0) -> Any:
        try:
            from captum.attr import IntegratedGradients
        except ImportError as error:
            raise PredictionException("explanations of images need package captum: add it to the archive's requirements file", 501) from error
        return IntegratedGradients(self.model).attribute(tensor_data, target=int(target), n_steps=15).tolist()
