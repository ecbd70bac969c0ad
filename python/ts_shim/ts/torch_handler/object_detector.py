"""Images to boxes with labels."""

from __future__ import annotations

from typing import Any

from torchvision import transforms

from ts.torch_handler.vision_handler import VisionHandler
from ts.utils.util import map_class_to_label


class ObjectDetector(VisionHandler):
    """The model answers `boxes`, `labels` and `scores` for each image, as torchvision's detectors do; those below the threshold are left out."""

    image_processing = transforms.Compose([transforms.ToTensor()])
    threshold = 0.5

    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        answers = super().inference(data, *args, **kwargs)
        # Detectors as TorchScript answer their losses too, which are empty.
        return answers[1] if isinstance(answers, tuple) else answers

    def postprocess(self, data: Any) -> list[Any]:
        return [self._found(row) for row in data]

    def _found(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        kept = row["scores"] >= self.threshold
        boxes, labels, scores = (row[key][kept].tolist() for key in ("boxes", "labels", "scores"))
        return [{**map_class_to_label([[box]], self.mapping, [[label]])[0], "score": score} for box, label, score in zip(boxes, labels, scores)]
