"""Task image_segmentation: the things of an image with a mask for each, of models for instances and panoptic scenes."""

from __future__ import annotations

from nitrous_host.huggingface import images
from nitrous_host.huggingface.methods import Loaded, Method
from nitrous_host.huggingface.pipelines import make_pipeline, number, objects, one_of, parameters_of
from nitrous_host.payload import Call, Payload

PARAMETERS = {
    "subtask": one_of("panoptic", "instance", "semantic"),
    "threshold": number(0, 1),
    "mask_threshold": number(0, 1),
    "overlap_mask_area_threshold": number(0, 1),
}


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "image-segmentation")

    def predict(call: Call) -> Payload:
        pictures = images.image_rows(call)
        options = parameters_of(call, PARAMETERS)
        return objects([pipeline(picture, **options) for picture in pictures])

    return {
        "predict": Method(images.INPUTS, predict, samples=images.samples()[:1]),
        "pipeline": Method(images.INPUTS, predict),
    }
