"""Task zero_shot_classification: how well labels fit a text, by a model that tells entailment."""

from __future__ import annotations

from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.huggingface.methods import Loaded, Method
from nitrous_host.huggingface.pipelines import make_pipeline, names, objects, parameters_of, switch
from nitrous_host.huggingface.rows import rows_of, text_of
from nitrous_host.huggingface.texts import SAMPLES
from nitrous_host.payload import Call, Payload

LABELS = "candidate_labels"
INPUTS = [{"name": "text", "datatype": "BYTES", "shape": [-1]}]


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "zero-shot-classification")

    def predict(call: Call) -> Payload:
        rows = rows_of(call, ("text", LABELS), (LABELS,))
        options = parameters_of(call, {LABELS: names, "hypothesis_template": _template, "multi_label": switch})
        common = options.pop(LABELS, None)
        results = []
        for index, row in enumerate(rows):
            labels = _labels(row.get(LABELS, common), index)
            results.append(pipeline(text_of(row, "text", index), candidate_labels=labels, **options))
        return objects(results)

    samples = [{"text": SAMPLES[0], LABELS: ["one", "two"]}]
    return {"predict": Method(INPUTS, predict, samples=samples), "pipeline": Method(INPUTS, predict)}


def _labels(value: Any, index: int) -> list[str]:
    if value is None:
        raise HostError("INVALID_ARGUMENT", f"instance {index} has no {LABELS}: give them in each instance, or as a parameter")
    try:
        return names(value)
    except ValueError as error:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: {LABELS}: {error}") from error


def _template(value: Any) -> str:
    if not isinstance(value, str) or "{}" not in value:
        raise ValueError("expected a text with {} where the label goes")
    return value
