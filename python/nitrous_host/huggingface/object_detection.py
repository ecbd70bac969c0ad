"""Task object_detection: what is in an image, and where."""

from __future__ import annotations

from nitrous_host.huggingface import images
from nitrous_host.huggingface.methods import Loaded, Method
from nitrous_host.huggingface.pipelines import make_pipeline, number, objects, parameters_of
from nitrous_host.payload import Call, Payload


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "object-detection")

    def predict(call: Call) -> Payload:
        pictures = images.image_rows(call)
        options = parameters_of(call, {"threshold": number(0, 1)})
        return objects([pipeline(picture, **options) for picture in pictures])

    return {
        "predict": Method(images.INPUTS, predict, samples=images.samples()[:1]),
        "pipeline": Method(images.INPUTS, predict),
    }
