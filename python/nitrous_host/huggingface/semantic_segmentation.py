"""Task semantic_segmentation: the class of each pixel of an image."""

from __future__ import annotations

import numpy

from nitrous_host.huggingface import image_segmentation, images, vision
from nitrous_host.huggingface.methods import Loaded, Method, tensors
from nitrous_host.huggingface.pipelines import parameters_of
from nitrous_host.payload import Call, Payload


def methods(loaded: Loaded) -> dict[str, Method]:
    def predict(call: Call) -> Payload:
        pictures = images.image_rows(call)
        parameters_of(call, {})
        vision.one_size(pictures)
        output = vision.run(loaded, pictures)
        maps = loaded.image_processor.post_process_semantic_segmentation(output, target_sizes=vision.sizes(pictures))
        return tensors(output_0=numpy.stack([each.cpu().numpy().astype(numpy.int64) for each in maps]))

    outputs = [{"name": "output-0", "datatype": "INT64", "shape": [-1, -1, -1]}]
    return {
        "predict": Method(images.INPUTS, predict, outputs=outputs, samples=images.samples()[:1]),
        "pipeline": image_segmentation.methods(loaded)["pipeline"],
    }
