"""Task fill_mask: the words that a text lacks."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.errors import HostError
from nitrous_host.huggingface import texts
from nitrous_host.huggingface.methods import Loaded, Method
from nitrous_host.huggingface.pipelines import make_pipeline, names, objects, parameters_of, whole
from nitrous_host.huggingface.scores import by_kind
from nitrous_host.payload import Call, Payload


def methods(loaded: Loaded) -> dict[str, Method]:
    mask = loaded.tokenizer.mask_token
    if mask is None:
        raise HostError("INVALID_ARGUMENT", "the tokenizer has no mask token, which task fill_mask needs")
    pipeline = make_pipeline(loaded, "fill-mask")

    def read(call: Call) -> list[Any]:
        rows = texts.text_rows(call)
        for index, row in enumerate(rows):
            if mask not in row[texts.TEXT]:
                raise HostError("INVALID_ARGUMENT", f"instance {index} has no {mask}, which says where a word is missing")
        return rows

    def predict(call: Call) -> Payload:
        rows = read(call)
        parameters_of(call, {})
        encoded = texts.encode(loaded, rows)
        logits = texts.run(loaded, encoded).logits
        masked = [logits[row, encoded["input_ids"][row] == loaded.tokenizer.mask_token_id] for row in range(len(rows))]
        for index, row in enumerate(masked):
            if len(row) == 0:
                raise HostError(
                    "INVALID_ARGUMENT", f"instance {index}: its {mask} is behind the {loaded.max_length} tokens that the model reads"
                )
        return _answer(loaded, masked)

    def as_objects(call: Call) -> Payload:
        rows = read(call)
        options = parameters_of(call, {"top_k": whole(1), "targets": names})
        return objects([pipeline(row[texts.TEXT], tokenizer_kwargs={"truncation": True}, **options) for row in rows])

    samples = [f"{sample} {mask}" for sample in texts.SAMPLES]
    inputs = texts.INPUTS[:1]
    outputs = [{"name": "output-0", "datatype": "BYTES", "shape": [-1]}] if loaded.arguments.scores == "indices" else None
    return {
        "predict": Method(inputs, predict, row_wise=True, outputs=outputs, samples=samples),
        "pipeline": Method(inputs, as_objects),
    }


def _answer(loaded: Loaded, masked: list[Any]) -> Payload:
    """As huggingfaceserver: the words at a row's masks as one text, or the score of each token of the vocabulary for each mask."""
    kind = loaded.arguments.scores
    if kind == "indices":
        words = [loaded.tokenizer.decode(logits.argmax(-1)) for logits in masked]
        return Payload("tensors", {"output-0": numpy.array(words, dtype=object)})
    answers = []
    for logits in masked:
        values = by_kind(logits, kind)
        answers.append(
            [[{str(token): f"{v:.4f}" if kind == "probabilities" else float(v)} for token, v in enumerate(row)] for row in values]
        )
    return Payload("json", answers)
