"""Texts as the tensors of a model: tokenised together, padded to the longest, cut off where the model ends."""

from __future__ import annotations

from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.huggingface.methods import Loaded, Specification
from nitrous_host.huggingface.rows import Row, rows_of, text_of
from nitrous_host.payload import Call

TEXT = "text"
PAIR = "text_pair"
INPUTS: list[Specification] = [
    {"name": TEXT, "datatype": "BYTES", "shape": [-1]},
    {"name": PAIR, "datatype": "BYTES", "shape": [-1], "optional": True},
]
SAMPLES = ["a first text", "the second one is a little longer than that"]


def text_rows(call: Call) -> list[Row]:
    """Rows with a text and perhaps a second one. Raises HostError INVALID_ARGUMENT."""
    rows = rows_of(call, (TEXT, PAIR), (PAIR,))
    checked = []
    for index, row in enumerate(rows):
        entry: Row = {TEXT: text_of(row, TEXT, index)}
        if row.get(PAIR) is not None:
            entry[PAIR] = text_of(row, PAIR, index)
        checked.append(entry)
    return checked


def encode(loaded: Loaded, rows: list[Row], **options: Any) -> Any:
    """The tokenizer's tensors for all rows, on the model's device. Raises HostError INVALID_ARGUMENT."""
    pairs = [row.get(PAIR) for row in rows]
    if any(pair is not None for pair in pairs) and any(pair is None for pair in pairs):
        raise HostError("INVALID_ARGUMENT", "either all instances have a text_pair, or none")
    return tokenise(loaded, [row[TEXT] for row in rows], None if pairs[0] is None else pairs, **options)


def tokenise(loaded: Loaded, texts: list[str], pairs: list[str] | None = None, **options: Any) -> Any:
    arguments = loaded.arguments
    if arguments.return_token_type_ids is not None:
        options.setdefault("return_token_type_ids", arguments.return_token_type_ids)
    given = {"padding": True, "truncation": True, "max_length": loaded.max_length, "return_tensors": "pt", **options}
    return loaded.tokenizer(texts, pairs, add_special_tokens=not arguments.disable_special_tokens, **given).to(loaded.model.device)


def run(loaded: Loaded, encoded: Any) -> Any:
    """The model's output for the tensors that it takes."""
    import torch

    wanted = loaded.arguments.tensor_input_names
    given = {name: value for name, value in encoded.items() if not wanted or name in wanted}
    with torch.inference_mode():
        return loaded.model(**given, return_dict=True)
