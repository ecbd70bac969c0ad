"""What the handlers of texts share: a vocabulary, a tokenizer, and the cleaning of text."""

from __future__ import annotations

import os
import re
import string
import unicodedata
from abc import ABC
from typing import Any

from ts.handler_utils.text_utils import get_tokenizer
from ts.torch_handler.base_handler import BaseHandler
from ts.torch_handler.contractions import CONTRACTION_MAP
from ts.torch_handler.weights import load_weights
from ts.utils.util import CLEANUP_REGEX

# Longer ones first: "can't've" begins with "can't".
CONTRACTIONS_PATTERN = re.compile("|".join(map(re.escape, sorted(CONTRACTION_MAP, key=len, reverse=True))), re.IGNORECASE)


class TextHandler(BaseHandler, ABC):
    """The archive has source_vocab.pt, a mapping from tokens to numbers that torch.save wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.source_vocab: Any = None
        self.tokenizer = get_tokenizer("basic_english")
        self.input_text: str | None = None

    def initialize(self, context: Any) -> None:
        super().initialize(context)
        self.initialized = False
        self.source_vocab = load_weights(self.get_source_vocab_path(context), "cpu")
        self.initialized = True

    def get_source_vocab_path(self, ctx: Any) -> str:
        name = ctx.manifest["model"].get("sourceVocab") or "source_vocab.pt"
        path = os.path.join(ctx.system_properties["model_dir"], name)
        if not os.path.isfile(path):
            raise ValueError(f"the archive has no {name}: add it with --extra-files")
        return path

    def get_word_token(self, input_tokens: list[str]) -> list[str]:
        # How byte-pair tokenizers write a space.
        return [token.replace("\u0120", "") for token in input_tokens]

    def _tokenize(self, text: str) -> list[str]:
        return self.tokenizer(text)

    def _expand_contractions(self, text: str) -> str:
        def expand(match: re.Match[str]) -> str:
            words = CONTRACTION_MAP[match[0].lower()]
            return words.capitalize() if match[0][0].isupper() else words

        return CONTRACTIONS_PATTERN.sub(expand, text).replace("'", "")

    def _remove_accented_characters(self, text: str) -> str:
        return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")

    def _remove_html_tags(self, text: str) -> str:
        return CLEANUP_REGEX.sub("", text)

    def _remove_punctuation(self, text: str) -> str:
        return text.translate(str.maketrans("", "", string.punctuation))

    # As handlers written for early versions of TorchServe spell it.
    _remove_puncutation = _remove_punctuation
