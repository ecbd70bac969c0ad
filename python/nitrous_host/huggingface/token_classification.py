"""Task token_classification: the class of each token, or of each entity."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.errors import HostError
from nitrous_host.huggingface import texts
from nitrous_host.huggingface.methods import Loaded, Method
from nitrous_host.huggingface.pipelines import make_pipeline, objects, one_of, parameters_of
from nitrous_host.huggingface.scores import by_kind
from nitrous_host.payload import Call, Payload

STRATEGIES = ("none", "simple", "first", "average", "max")


def methods(loaded: Loaded) -> dict[str, Method]:
    pipeline = make_pipeline(loaded, "token-classification")
    needs_offsets = loaded.arguments.return_offsets_mapping
    if needs_offsets and not loaded.tokenizer.is_fast:
        raise HostError("INVALID_ARGUMENT", "return_offsets_mapping needs a tokenizer.json; the folder has only a slow tokenizer")

    def predict(call: Call) -> Payload:
        rows = texts.text_rows(call)
        parameters_of(call, {})
        encoded = texts.encode(loaded, rows, return_offsets_mapping=needs_offsets)
        offsets = encoded.pop("offset_mapping").cpu().numpy() if needs_offsets else None
        return _answer(texts.run(loaded, encoded).logits, loaded.arguments.scores, offsets, call.payload.kind == "tensors")

    def as_objects(call: Call) -> Payload:
        rows = texts.text_rows(call)
        options = parameters_of(call, {"aggregation_strategy": one_of(*STRATEGIES)})
        return objects([pipeline(row[texts.TEXT], **options) for row in rows])

    inputs = texts.INPUTS[:1]
    return {"predict": Method(inputs, predict, samples=texts.SAMPLES[:1]), "pipeline": Method(inputs, as_objects)}


def _answer(logits: Any, kind: str, offsets: Any, is_tensors: bool) -> Payload:
    """As huggingfaceserver: [rows, 1, tokens] of indices, or a list of objects for each row; offsets [rows, tokens, 2] beside them."""
    if kind == "indices":
        answer: Any = logits.argmax(-1).cpu().numpy()[:, None, :]
        if is_tensors or offsets is None:
            return Payload("tensors", {"output-0": answer, **({} if offsets is None else {"offset_mapping": offsets})})
        answer = answer.tolist()
    else:
        values = by_kind(logits, kind)
        answer = [[{str(index): float(score) for index, score in enumerate(token)} for token in row] for row in values]
        if offsets is None:
            return Payload("json", answer)
    output = {"name": "offset_mapping", "datatype": "INT64", "shape": list(offsets.shape), "data": numpy.ravel(offsets).tolist()}
    return Payload("json", {"predictions": answer, "outputs": [output]})
