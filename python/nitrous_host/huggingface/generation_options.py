"""The parameters of a request for text, as transformers' generate takes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.huggingface.methods import Loaded
from nitrous_host.huggingface.pipelines import number, parameters_of, switch, whole
from nitrous_host.payload import Call

# Tokens when neither the request nor the model's generation_config.json says how many.
DEFAULT_NEW_TOKENS = 128
# Each costs as much memory and work as a request of its own.
MOST_BEAMS = 16


@dataclass
class Options:
    """`new_tokens` None is as many as the model says; `seed` None is another answer each time, when it samples."""

    new_tokens: int | None = None
    seed: int | None = None
    stop: list[str] = field(default_factory=list)
    generate: dict[str, Any] = field(default_factory=dict)


def read_options(call: Call) -> Options:
    """
    Temperature 0 is the most probable text, as OpenAI's clients mean it; one above 0, top_p and top_k ask for samples unless do_sample
    says otherwise. Raises HostError INVALID_ARGUMENT.
    """
    given = parameters_of(
        call,
        {
            "max_new_tokens": whole(1),
            "max_tokens": whole(1),
            "min_new_tokens": whole(0),
            "temperature": number(0, 100),
            "top_p": number(0, 1),
            "top_k": whole(0),
            "repetition_penalty": number(0.01, 100),
            "num_beams": _beams,
            "do_sample": switch,
            "seed": whole(0),
            "stop": _stops,
        },
    )
    if given.get("max_tokens", given.get("max_new_tokens")) != given.get("max_new_tokens", given.get("max_tokens")):
        raise HostError("INVALID_ARGUMENT", "max_tokens and max_new_tokens are the same and differ: give one of them")
    options = Options(given.pop("max_new_tokens", given.get("max_tokens")), given.pop("seed", None), given.pop("stop", []))
    given.pop("max_tokens", None)
    temperature = given.pop("temperature", None)
    samples = given.pop("do_sample", temperature > 0 if temperature is not None else "top_p" in given or "top_k" in given)
    if samples and temperature == 0:
        raise HostError("INVALID_ARGUMENT", "temperature is 0 and do_sample is true: a temperature of 0 does not sample")
    options.generate = {**given, "do_sample": samples}
    if samples:
        options.generate["temperature"] = 1.0 if temperature is None else temperature
    else:
        # Of no use without samples; a generation_config.json may set them, and transformers would warn.
        options.generate |= {"temperature": None, "top_p": None, "top_k": None}
    return options


def _beams(value: Any) -> int:
    beams = whole(1)(value)
    if beams > MOST_BEAMS:
        raise ValueError(f"expected at most {MOST_BEAMS}")
    return beams


def _stops(value: Any) -> list[str]:
    """One text or a list; as JSON too, for parameters that can only be text."""
    if isinstance(value, str) and value.startswith("["):
        value = json.loads(value)
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or len(value) > 16 or not all(isinstance(text, str) and text for text in value):
        raise ValueError("expected a text, or a list of up to 16 texts, none empty")
    return value


def new_tokens(loaded: Loaded, options: Options, prompt: int) -> int:
    """Raises HostError INVALID_ARGUMENT when prompt and answer together are longer than the model can take, as KServe does."""
    room = loaded.max_length - prompt
    if options.new_tokens is None:
        if room < 1:
            raise HostError("INVALID_ARGUMENT", f"the prompt has {prompt} tokens, and the model takes {loaded.max_length}: shorten it")
        own = getattr(loaded.model.generation_config, "max_new_tokens", None)
        return min(own or DEFAULT_NEW_TOKENS, room)
    if options.new_tokens > room:
        raise HostError(
            "INVALID_ARGUMENT",
            f"the model's context has {loaded.max_length} tokens, and {prompt + options.new_tokens} were asked for "
            f"({prompt} of the prompt, {options.new_tokens} of the answer): shorten the prompt, or ask for fewer tokens",
        )
    return options.new_tokens
