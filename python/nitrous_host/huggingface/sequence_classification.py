"""Task sequence_classification: the class of a text, or of a pair of texts."""

from __future__ import annotations

from nitrous_host.huggingface import texts
from nitrous_host.huggingface.methods import Loaded, Method
from nitrous_host.huggingface.pipelines import make_pipeline, objects, one_of, parameters_of, whole
from nitrous_host.huggingface.scores import class_scores, score_outputs
from nitrous_host.payload import Call, Payload


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "text-classification")
    parameters = {"top_k": whole(1), "function_to_apply": one_of("softmax", "sigmoid", "none")}

    def predict(call: Call) -> Payload:
        rows = texts.text_rows(call)
        parameters_of(call, {})
        return class_scores(loaded, texts.run(loaded, texts.encode(loaded, rows)).logits)

    def as_objects(call: Call) -> Payload:
        rows = texts.text_rows(call)
        options = parameters_of(call, parameters)
        results = pipeline([dict(row) for row in rows], truncation=True, max_length=loaded.max_length, **options)
        return objects(results)

    return {
        "predict": Method(texts.INPUTS, predict, row_wise=True, outputs=score_outputs(loaded), samples=texts.SAMPLES),
        "pipeline": Method(texts.INPUTS, as_objects),
    }
