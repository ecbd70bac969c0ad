"""Task image_classification: the class of an image."""

from __future__ import annotations

from nitrous_host.huggingface import images, vision
from nitrous_host.huggingface.methods import Loaded, Method
from nitrous_host.huggingface.pipelines import make_pipeline, objects, one_of, parameters_of, whole
from nitrous_host.huggingface.scores import class_scores, score_outputs
from nitrous_host.payload import Call, Payload


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "image-classification")
    parameters = {"top_k": whole(1), "function_to_apply": one_of("softmax", "sigmoid", "none")}

    def predict(call: Call) -> Payload:
        pictures = images.image_rows(call)
        parameters_of(call, {})
        return class_scores(loaded, vision.run(loaded, pictures).logits)

    def as_objects(call: Call) -> Payload:
        return objects(pipeline(images.image_rows(call), **parameters_of(call, parameters)))

    samples = images.samples()
    return {
        "predict": Method(images.INPUTS, predict, row_wise=True, outputs=score_outputs(loaded), samples=samples),
        "pipeline": Method(images.INPUTS, as_objects),
    }
