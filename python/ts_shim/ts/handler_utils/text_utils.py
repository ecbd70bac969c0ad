"""A simple tokenizer for English, and n-grams of its tokens."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterator

# In this order: quotation marks vanish, other punctuation becomes a token or a space.
_STEPS = [
    (re.compile(r"'"), " '  "),
    (re.compile(r'"'), ""),
    (re.compile(r"\."), " . "),
    (re.compile(r"<br />"), " "),
    (re.compile(r","), " , "),
    (re.compile(r"\("), " ( "),
    (re.compile(r"\)"), " ) "),
    (re.compile(r"!"), " ! "),
    (re.compile(r"\?"), " ? "),
    (re.compile(r"[;:]"), " "),
]


def ngrams_iterator(token_list: list[str], ngrams: int) -> Iterator[str]:
    """The tokens, then the pairs of neighbours joined by a space, then the triples, up to `ngrams` tokens."""
    yield from token_list
    for length in range(2, ngrams + 1):
        for start in range(len(token_list) - length + 1):
            yield " ".join(token_list[start : start + length])


def get_tokenizer(tokenizer: Any, language: str = "en") -> Callable[[str], list[str]]:
    """A function from text to tokens: None splits at white space, "basic_english" separates punctuation too, a function is itself."""
    if tokenizer is None:
        return str.split
    if callable(tokenizer):
        return tokenizer
    if tokenizer != "basic_english":
        raise ValueError(f"the tokenizer {tokenizer!r} is not provided here; only basic_english, or a function")
    if language != "en":
        raise ValueError("basic_english is for English (en) only")
    return _basic_english


def _basic_english(line: str) -> list[str]:
    line = line.lower()
    for pattern, replacement in _STEPS:
        line = pattern.sub(replacement, line)
    return line.split()
