"""Images to the class of each pixel."""

from __future__ import annotations

from typing import Any

import torch
from torchvision import transforms

from ts.torch_handler.image_classifier import DEVIATION, MEAN
from ts.torch_handler.vision_handler import VisionHandler


class ImageSegmenter(VisionHandler):
    """The model answers a dict whose `out` is [images, classes, height, width]; a pixel becomes its best class and that one's probability."""

    image_processing = transforms.Compose(
        [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(mean=MEAN, std=DEVIATION)]
    )

    def postprocess(self, data: Any) -> list[Any]:
        best = torch.max(torch.nn.functional.softmax(data["out"], dim=1), dim=1)
        return torch.stack([best.indices.to(best.values.dtype), best.values], dim=3).tolist()
