"""
Task question_answering: the part of a text that answers a question. transformers has no pipeline of this name since version 5; the
answer is found as that of version 4 found it.
"""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host.errors import HostError
from nitrous_host.huggingface.methods import Loaded, Method
from nitrous_host.huggingface.pipelines import parameters_of, whole
from nitrous_host.huggingface.rows import rows_of, text_of
from nitrous_host.huggingface.texts import run
from nitrous_host.payload import Call, Payload

INPUTS = [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in ("question", "context")]
SAMPLES = [{"question": "what is it?", "context": "it is a text with an answer"}]
MOST_TOKENS_OF_ANSWER = 15
# Tokens that neighbouring pieces of a long context share.
STRIDE = 128
LONGEST_PIECE = 384


def methods(loaded: Loaded) -> dict[str, Method]:
    if not loaded.tokenizer.is_fast:
        raise HostError("INVALID_ARGUMENT", "question_answering needs a tokenizer.json; the folder has only a slow tokenizer")

    def predict(call: Call) -> Payload:
        rows = rows_of(call, ("question", "context"))
        options = parameters_of(call, {"top_k": whole(1), "max_answer_len": whole(1)})
        answers = []
        for index, row in enumerate(rows):
            question, context = text_of(row, "question", index), text_of(row, "context", index)
            if not question.strip() or not context.strip():
                raise HostError("INVALID_ARGUMENT", f"instance {index}: question and context must not be empty")
            found = _answers(loaded, question, context, options.get("max_answer_len", MOST_TOKENS_OF_ANSWER))
            wanted = options.get("top_k", 1)
            answers.append(found[0] if wanted == 1 else found[:wanted])
        return Payload("json", answers)

    return {"predict": Method(INPUTS, predict, samples=SAMPLES), "pipeline": Method(INPUTS, predict)}


def _answers(loaded: Loaded, question: str, context: str, longest: int) -> list[dict[str, Any]]:
    """Answers with the most probable first. `start` and `end` count characters of the context."""
    limit = min(loaded.max_length, LONGEST_PIECE)
    try:
        encoded = loaded.tokenizer(
            question,
            context,
            truncation="only_second",
            max_length=limit,
            stride=min(STRIDE, limit // 4),
            padding=True,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
    except Exception as error:
        raise HostError("INVALID_ARGUMENT", f"the question is too long for the {limit} tokens that the model reads") from error
    offsets = encoded.pop("offset_mapping").numpy()
    encoded.pop("overflow_to_sample_mapping")
    output = run(loaded, encoded.to(loaded.model.device))
    found = []
    for piece in range(len(offsets)):
        usable = numpy.array([part == 1 for part in encoded.sequence_ids(piece)])
        if usable.any():
            beside = encoded["input_ids"][piece].cpu().numpy() == loaded.tokenizer.cls_token_id
            start = _probabilities(output.start_logits[piece], usable, beside)
            end = _probabilities(output.end_logits[piece], usable, beside)
            found += _spans(start, end, _Places(encoded, piece, offsets[piece]), context, longest)
    if not found:
        raise HostError("INVALID_ARGUMENT", "the context leaves no tokens to answer with")
    best: dict[tuple[int, int], dict[str, Any]] = {}
    for answer in sorted(found, key=lambda each: -each["score"]):
        best.setdefault((answer["start"], answer["end"]), answer)
    return list(best.values())


def _probabilities(logits: Any, usable: numpy.ndarray, beside: numpy.ndarray) -> numpy.ndarray:
    """Over the tokens of the context, and the one that stands for no answer."""
    values = numpy.where(usable | beside, logits.float().cpu().numpy(), -10000.0)
    raised = numpy.exp(values - values.max())
    return numpy.where(usable, raised / raised.sum(), 0.0)


class _Places:
    """Where the words of a piece's tokens are in the context."""

    def __init__(self, encoded: Any, piece: int, offsets: numpy.ndarray) -> None:
        self._encoded = encoded
        self._piece = piece
        self._offsets = offsets

    def of(self, first: int, last: int) -> tuple[int, int]:
        """Characters from and to; of the tokens alone where the tokenizer knows no words."""
        begin, stop = self._word(first), self._word(last)
        if begin is None or stop is None:
            return int(self._offsets[first][0]), int(self._offsets[last][1])
        return begin[0], stop[1]

    def _word(self, token: int) -> tuple[int, int] | None:
        word = self._encoded.token_to_word(self._piece, token)
        span = None if word is None else self._encoded.word_to_chars(self._piece, word, sequence_index=1)
        return None if span is None else (span.start, span.end)


def _spans(start: numpy.ndarray, end: numpy.ndarray, places: _Places, context: str, longest: int) -> list[dict[str, Any]]:
    """Spans of at most `longest` tokens; a handful of the best is all that anybody asks for."""
    scores = numpy.tril(numpy.triu(numpy.outer(start, end)), longest - 1)
    order = numpy.argsort(-scores, axis=None, kind="stable")[:100]
    spans = []
    for first, last in zip(*numpy.unravel_index(order, scores.shape), strict=True):
        if scores[first, last] > 0:
            begin, stop = places.of(int(first), int(last))
            spans.append({"score": float(scores[first, last]), "start": begin, "end": stop, "answer": context[begin:stop]})
    return spans
