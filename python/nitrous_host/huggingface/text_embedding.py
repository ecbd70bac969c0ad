"""Task text_embedding: one vector for a text; and the vectors of its tokens."""

from __future__ import annotations

from nitrous_host.huggingface import texts
from nitrous_host.huggingface.methods import Loaded, Method, tensors
from nitrous_host.huggingface.pipelines import parameters_of
from nitrous_host.huggingface.pooling import read_pooling
from nitrous_host.payload import Call, Payload


def methods(loaded: Loaded) -> dict[str, Method]:
    pooling = read_pooling(loaded)

    def predict(call: Call) -> Payload:
        rows = texts.text_rows(call)
        parameters_of(call, {})
        encoded = texts.encode(loaded, rows)
        states = texts.run(loaded, encoded).last_hidden_state
        return tensors(output_0=pooling(states, encoded["attention_mask"]).float().cpu().numpy())

    def as_objects(call: Call) -> Payload:
        """As the feature-extraction pipeline: for each text one list, of one vector for each token."""
        rows = texts.text_rows(call)
        parameters_of(call, {})
        states = [texts.run(loaded, texts.encode(loaded, [row])).last_hidden_state.float().tolist() for row in rows]
        return Payload("json", states)

    return {
        "predict": Method(texts.INPUTS, predict, row_wise=True, samples=texts.SAMPLES),
        "pipeline": Method(texts.INPUTS, as_objects),
    }
