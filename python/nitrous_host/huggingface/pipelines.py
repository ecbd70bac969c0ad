"""Method `pipeline`: the objects that transformers' own pipelines answer, one for each row."""

from __future__ import annotations

import math
from typing import Any, Callable

from nitrous_host.errors import HostError
from nitrous_host.huggingface.methods import Loaded
from nitrous_host.payload import Call, Payload

# What a client may name besides a pipeline's own parameters.
PASSED_OVER = {"method", "sequence_id", "sequence_start", "sequence_end", "content_type", "binary_data_output", "priority", "timeout"}


def make_pipeline(loaded: Loaded, name: str) -> Any:
    import transformers

    parts = {
        "tokenizer": loaded.tokenizer,
        "image_processor": loaded.image_processor,
        "feature_extractor": loaded.feature_extractor,
    }
    given = {part: value for part, value in parts.items() if value is not None}
    return transformers.pipeline(name, model=loaded.model, device=loaded.model.device, trust_remote_code=False, **given)


def parameters_of(call: Call, known: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The request's parameters, converted. Raises HostError INVALID_ARGUMENT for those that are unknown or do not fit."""
    values: dict[str, Any] = {}
    for name, value in call.parameters.items():
        convert = known.get(name)
        if convert is None:
            if name in PASSED_OVER:
                continue
            raise HostError("INVALID_ARGUMENT", f"unknown parameter '{name}'; this method takes {', '.join(known) or 'none'}")
        try:
            values[name] = convert(value)
        except (TypeError, ValueError) as error:
            raise HostError("INVALID_ARGUMENT", f"parameter '{name}' is {value!r}: {error}") from error
    return values


def whole(least: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        given = _finite(value)
        if given is None or given != int(given) or given < least:
            raise ValueError(f"expected a whole number from {least} upwards")
        return int(given)

    return convert


def number(least: float, most: float) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        given = _finite(value)
        if given is None or not least <= given <= most:
            raise ValueError(f"expected a number from {least:g} to {most:g}")
        return given

    return convert


def _finite(value: Any) -> float | None:
    """A number, also as text; None for anything else."""
    try:
        given = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return given if math.isfinite(given) else None


def one_of(*choices: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return str(value)

    return convert


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def names(value: Any) -> list[str]:
    """A list of texts, or one text with commas between them."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not value or not all(isinstance(part, str) and part for part in value):
        raise ValueError("expected a list of texts, or one text with commas between them")
    return value


def objects(results: list[Any]) -> Payload:
    """One answer for each row, as JSON."""
    return Payload("json", [to_json(result) for result in results])


def to_json(value: Any) -> Any:
    """Plain JSON: numpy's and torch's numbers as Python's, images as base64 PNG."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    from nitrous_host.huggingface.images import png

    return png(value)
