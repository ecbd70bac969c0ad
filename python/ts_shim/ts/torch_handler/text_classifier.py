"""Texts to the probabilities of labels, through bags of n-grams."""

from __future__ import annotations

from typing import Any

import torch

from ts.handler_utils.text_utils import ngrams_iterator
from ts.torch_handler.text_handler import TextHandler
from ts.utils.util import PredictionException, map_class_to_label


class TextClassifier(TextHandler):
    """The model takes the numbers of all n-grams of one text and the offset 0, as torch.nn.EmbeddingBag does: one text a call."""

    ngrams = 2

    def preprocess(self, data: list[Any]) -> Any:
        if len(data) != 1:
            raise PredictionException(f"the text_classifier handler takes one text a call, and was given {len(data)}: send each by itself", 400)
        row = data[0]
        text = (row.get("data") or row.get("body")) if isinstance(row, dict) else row
        if isinstance(text, (bytes, bytearray)):
            text = text.decode("utf-8", "replace")
        if not isinstance(text, str):
            raise PredictionException(f"expected a text under data or body, got {type(text).__name__}", 400)
        text = self._expand_contractions(self._remove_html_tags(text).lower())
        tokens = self._tokenize(self._remove_punctuation(self._remove_accented_characters(text)))
        if not tokens:
            raise PredictionException("the text has no words", 400)
        return torch.as_tensor([self._number(token) for token in ngrams_iterator(tokens, self.ngrams)], device=self.device), tokens

    def _number(self, token: str) -> int:
        try:
            return self.source_vocab[token]
        except KeyError:
            unknown = self.source_vocab.get("<unk>")
            if unknown is None:
                raise PredictionException(f"{token!r} is not in the vocabulary of the model, which has no <unk>", 400) from None
            return unknown

    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        numbers, _ = data
        return super().inference(numbers, torch.as_tensor([0], device=self.device))

    def postprocess(self, data: Any) -> list[Any]:
        return map_class_to_label(torch.nn.functional.softmax(data, dim=1).tolist(), self.mapping)

    def get_insights(self, text_preprocess: Any, _: Any, target: int = 0) -> Any:
        raise PredictionException("the text_classifier handler gives no explanations here", 501)
