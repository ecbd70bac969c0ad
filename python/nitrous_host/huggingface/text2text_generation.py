"""Task text2text_generation: a text made from a text: a summary, a translation."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.errors import HostError
from nitrous_host.huggingface import texts
from nitrous_host.huggingface.generating import generate
from nitrous_host.huggingface.generation_options import read_options
from nitrous_host.huggingface.methods import Loaded, Method, tensors
from nitrous_host.huggingface.rows import rows_of, text_of
from nitrous_host.payload import Call, Payload

OUTPUTS = [{"name": "output-0", "datatype": "BYTES", "shape": [-1]}]


def methods(loaded: Loaded) -> dict[str, Method]:
    specific = _specific(loaded)
    prefix = str(specific.get("prefix", ""))
    kind = "summary" if loaded.variant.startswith("summar") else "translation" if loaded.variant.startswith("transl") else "generated"

    def results(call: Call) -> list[str]:
        rows = rows_of(call, (texts.TEXT,))
        options = read_options(call)
        values = [prefix + text_of(row, texts.TEXT, index) for index, row in enumerate(rows)]
        return [generate(loaded, _encode(loaded, value, index), options, call.cancelled) for index, value in enumerate(values)]

    def predict(call: Call) -> Payload:
        return tensors(output_0=numpy.array(results(call), dtype=object))

    def as_objects(call: Call) -> Payload:
        return Payload("json", [{f"{kind}_text": text} for text in results(call)])

    inputs = texts.INPUTS[:1]
    return {
        "predict": Method(inputs, predict, outputs=OUTPUTS, samples=texts.SAMPLES[:1]),
        "generate": Method(inputs, predict, outputs=OUTPUTS),
        "pipeline": Method(inputs, as_objects),
    }


def _specific(loaded: Loaded) -> dict[str, Any]:
    """What config.json says of a task like translation_en_to_fr: T5 puts a prefix before each text."""
    known = getattr(loaded.config, "task_specific_params", None) or {}
    specific = known.get(loaded.variant) or known.get(loaded.variant.replace("-", "_")) or {}
    if isinstance(specific.get("max_length"), int) and loaded.model.generation_config.max_new_tokens is None:
        loaded.model.generation_config.max_new_tokens = specific["max_length"]
    return specific


def _encode(loaded: Loaded, text: str, index: int) -> Any:
    encoded = texts.tokenise(loaded, [text], truncation=False, max_length=None, return_token_type_ids=False)
    length = encoded["input_ids"].shape[1]
    if length > loaded.max_length:
        raise HostError("INVALID_ARGUMENT", f"instance {index} has {length} tokens, and the model takes {loaded.max_length}: shorten it")
    return encoded
