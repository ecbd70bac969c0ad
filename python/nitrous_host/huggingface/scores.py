"""What a classifier answers for its logits, as KServe's huggingfaceserver does: indices, probabilities or logits by index of the class."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.huggingface.methods import Loaded, Specification, tensors
from nitrous_host.payload import Payload


def class_scores(loaded: Loaded, logits: Any) -> Payload:
    """
    For logits [rows, classes] one index for each row; or one output for each class, called by its index, which V1 writes as one object
    for each row.
    """
    kind = loaded.arguments.scores
    if kind == "indices":
        return tensors(output_0=logits.argmax(-1).cpu().numpy())
    values = by_kind(logits, kind)
    if values.shape[1] == 1:
        return Payload("json", [{"0": float(row[0])} for row in values])
    return Payload("tensors", {str(index): numpy.ascontiguousarray(values[:, index]) for index in range(values.shape[1])})


def by_kind(logits: Any, kind: str) -> numpy.ndarray:
    """Probabilities over the last axis, rounded to four digits as KServe writes them, or the logits themselves; FP64."""
    if kind == "logits":
        return logits.double().cpu().numpy()
    return numpy.round(logits.float().softmax(-1).cpu().numpy().astype(numpy.float64), 4)


def score_outputs(loaded: Loaded) -> list[Specification] | None:
    """What `class_scores` answers; None where that is JSON."""
    if loaded.arguments.scores == "indices":
        return [{"name": "output-0", "datatype": "INT64", "shape": [-1]}]
    count = int(getattr(loaded.config, "num_labels", 0))
    return [{"name": str(index), "datatype": "FP64", "shape": [-1]} for index in range(count)] if count > 1 else None
