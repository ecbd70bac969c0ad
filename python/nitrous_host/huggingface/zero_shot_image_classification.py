"""
Task zero_shot_image_classification, of CLIP and its kind: vectors of images and texts (methods encode_image and encode_text, as NOS calls
them), and how well labels fit an image.
"""

from __future__ import annotations

from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.huggingface import images, texts
from nitrous_host.huggingface.methods import Loaded, Method, tensors
from nitrous_host.huggingface.pipelines import make_pipeline, names, objects, parameters_of
from nitrous_host.huggingface.rows import rows_of, text_of
from nitrous_host.payload import Call, Payload

LABELS = "candidate_labels"
# What clients of NOS call the inputs.
IMAGES, TEXTS = "images", "texts"


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "zero-shot-image-classification")

    def encode_image(call: Call) -> Payload:
        rows = rows_of(call, (images.IMAGE, IMAGES), (images.IMAGE, IMAGES))
        parameters_of(call, {})
        return _of_images(loaded, [images.to_image(_first(row, index), index) for index, row in enumerate(rows)])

    def encode_text(call: Call) -> Payload:
        rows = rows_of(call, (texts.TEXT, TEXTS), (texts.TEXT, TEXTS))
        parameters_of(call, {})
        return _of_texts(loaded, [text_of({texts.TEXT: _first(row, index)}, texts.TEXT, index) for index, row in enumerate(rows)])

    def predict(call: Call) -> Payload:
        """Texts or images, whichever came: instances that are plain text are texts."""
        rows = rows_of(call, (texts.TEXT, images.IMAGE), (texts.TEXT, images.IMAGE))
        parameters_of(call, {})
        kinds = {name for row in rows for name in row}
        if len(kinds) != 1:
            raise HostError("INVALID_ARGUMENT", "give either a text in each instance, or an image in each")
        values = [row[next(iter(kinds))] for row in rows]
        if kinds == {images.IMAGE} or not isinstance(values[0], str):
            return _of_images(loaded, [images.to_image(value, index) for index, value in enumerate(values)])
        return _of_texts(loaded, [text_of(row, texts.TEXT, index) for index, row in enumerate(rows)])

    def classify(call: Call) -> Payload:
        rows = rows_of(call, (images.IMAGE, LABELS), (LABELS,))
        options = parameters_of(call, {LABELS: names, "hypothesis_template": str})
        common = options.pop(LABELS, None)
        results = []
        for index, row in enumerate(rows):
            labels = row.get(LABELS, common)
            if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
                raise HostError("INVALID_ARGUMENT", f"instance {index} needs {LABELS}: a list of texts in it, or a parameter")
            results.append(pipeline(images.to_image(row[images.IMAGE], index), candidate_labels=labels, **options))
        return objects(results)

    of_images, of_texts = images.INPUTS, texts.INPUTS[:1]
    return {
        "encode_image": Method(of_images, encode_image, row_wise=True, samples=images.samples()),
        "encode_text": Method(of_texts, encode_text, row_wise=True, samples=texts.SAMPLES),
        "predict": Method(of_texts, predict, row_wise=True, samples=texts.SAMPLES),
        "pipeline": Method(of_images, classify),
    }


def _first(row: dict[str, Any], index: int) -> Any:
    if len(row) != 1:
        raise HostError("INVALID_ARGUMENT", f"instance {index} must have one value, and has {', '.join(row) or 'none'}")
    return next(iter(row.values()))


def _of_images(loaded: Loaded, pictures: list[Any]) -> Payload:
    import torch

    pixels = loaded.image_processor(images=pictures, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        return _embedding(loaded.model.get_image_features(pixel_values=pixels.to(loaded.model.device, loaded.model.dtype)))


def _of_texts(loaded: Loaded, values: list[str]) -> Payload:
    import torch

    # Models of the SigLIP kind have learnt with every text as long as it can be.
    padding = "max_length" if "siglip" in getattr(loaded.config, "model_type", "") else True
    encoded = texts.tokenise(loaded, values, padding=padding)
    with torch.inference_mode():
        return _embedding(loaded.model.get_text_features(**encoded))


def _embedding(features: Any) -> Payload:
    features = features if hasattr(features, "cpu") else features.pooler_output
    return tensors(embedding=features.float().cpu().numpy())
