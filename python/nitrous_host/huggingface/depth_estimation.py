"""Task depth_estimation: how far each pixel of an image is away."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.huggingface import images, vision
from nitrous_host.huggingface.methods import Loaded, Method, tensors
from nitrous_host.huggingface.pipelines import make_pipeline, objects, parameters_of
from nitrous_host.payload import Call, Payload


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "depth-estimation")

    def predict(call: Call) -> Payload:
        pictures = images.image_rows(call)
        parameters_of(call, {})
        vision.one_size(pictures)
        found = loaded.image_processor.post_process_depth_estimation(vision.run(loaded, pictures), target_sizes=vision.sizes(pictures))
        return tensors(output_0=numpy.stack([_depth(each) for each in found]))

    def as_objects(call: Call) -> Payload:
        pictures = images.image_rows(call)
        parameters_of(call, {})
        return objects([pipeline(picture) for picture in pictures])

    outputs = [{"name": "output-0", "datatype": "FP32", "shape": [-1, -1, -1]}]
    return {
        "predict": Method(images.INPUTS, predict, outputs=outputs, samples=images.samples()[:1]),
        "pipeline": Method(images.INPUTS, as_objects),
    }


def _depth(found: dict[str, Any]) -> numpy.ndarray:
    return found["predicted_depth"].float().cpu().numpy()
