"""Task text_generation: what comes after a prompt, or after the messages of a conversation."""

from __future__ import annotations

from typing import Any, Iterator

import numpy

from nitrous_host.errors import HostError
from nitrous_host.huggingface.generating import generate, pieces
from nitrous_host.huggingface.generation_options import read_options
from nitrous_host.huggingface.methods import Loaded, Method, tensors
from nitrous_host.huggingface.rows import rows_of, shown, text_of
from nitrous_host.payload import Call, Payload

INPUTS = [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
OUTPUTS = [{"name": "output-0", "datatype": "BYTES", "shape": [-1]}]
NAMES = ("text", "prompt", "messages")


def methods(loaded: Loaded) -> dict[str, Method]:
    def prompts(call: Call) -> list[Any]:
        rows = rows_of(call, NAMES, NAMES)
        return [_encode(loaded, row, index) for index, row in enumerate(rows)]

    def predict(call: Call) -> Payload:
        encoded, options = prompts(call), read_options(call)
        return tensors(output_0=_texts([generate(loaded, each, options, call.cancelled) for each in encoded]))

    def as_objects(call: Call) -> Payload:
        encoded, options = prompts(call), read_options(call)
        return Payload("json", [[{"generated_text": generate(loaded, each, options, call.cancelled)}] for each in encoded])

    def stream(call: Call) -> Iterator[Payload]:
        encoded, options = prompts(call), read_options(call)
        if len(encoded) != 1:
            raise HostError("INVALID_ARGUMENT", f"a stream answers one prompt, and the request has {len(encoded)}")
        return _chunks(pieces(loaded, encoded[0], options, call.cancelled))

    warm = ["a"]
    return {
        "predict": Method(INPUTS, predict, outputs=OUTPUTS, samples=warm),
        "generate": Method(INPUTS, predict, outputs=OUTPUTS),
        "generate_stream": Method(INPUTS, stream=stream, outputs=OUTPUTS),
        "pipeline": Method(INPUTS, as_objects),
    }


def _chunks(texts: Iterator[str]) -> Iterator[Payload]:
    try:
        for text in texts:
            yield tensors(output_0=_texts([text]))
    finally:
        texts.close()  # type: ignore[attr-defined]


def _texts(texts: list[str]) -> numpy.ndarray:
    return numpy.array(texts, dtype=object)


def _encode(loaded: Loaded, row: dict[str, Any], index: int) -> Any:
    """Tokens of one prompt. Raises HostError INVALID_ARGUMENT."""
    if len(row) != 1:
        raise HostError("INVALID_ARGUMENT", f"instance {index} must have one of {', '.join(NAMES)}")
    name = next(iter(row))
    special = not loaded.arguments.disable_special_tokens
    if name == "messages":
        text, special = _conversation(loaded, row[name], index), False
    else:
        text = text_of(row, name, index)
    encoded = loaded.tokenizer(text, return_tensors="pt", add_special_tokens=special, return_token_type_ids=False)
    if encoded["input_ids"].shape[1] == 0:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the prompt is empty")
    return encoded.to(loaded.model.device)


def _conversation(loaded: Loaded, messages: Any, index: int) -> str:
    """The model's own form of a conversation. transformers renders its template in a sandbox."""
    fits = (
        isinstance(messages, list)
        and messages
        and all(isinstance(m, dict) and isinstance(m.get("role"), str) and "content" in m for m in messages)
    )
    if not fits:
        raise HostError(
            "INVALID_ARGUMENT", f"instance {index}: messages is {shown(messages)}; expected a list of objects with role and content"
        )
    if loaded.tokenizer.chat_template is None:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the model has no chat template; send text instead of messages")
    try:
        return loaded.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception as error:
        raise HostError("INVALID_ARGUMENT", f"instance {index}: the chat template does not take these messages: {error}") from error
