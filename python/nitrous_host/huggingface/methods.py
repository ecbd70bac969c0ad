"""A loaded model as its methods, and what a task is given to make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Iterator

from nitrous_host.errors import HostError
from nitrous_host.huggingface.arguments import Arguments
from nitrous_host.payload import Call, Payload

Specification = dict[str, Any]


@dataclass
class Loaded:
    """What was read from a folder; a processor that the task does not use is None. `max_length` is in tokens."""

    task: str
    directory: str
    arguments: Arguments
    config: Any
    model: Any
    tokenizer: Any = None
    image_processor: Any = None
    feature_extractor: Any = None
    max_length: int = 0
    # What people call the task where that says more than its name: "translation_en_to_fr".
    variant: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass
class Method:
    """
    `row_wise`: rows do not depend on each other, so the warm-up may prove that requests can share a call. `outputs` is what the
    method answers; without it the warm-up finds it out. Exactly one of `run` and `stream` is there.
    """

    inputs: list[Specification]
    run: Callable[[Call], Payload] | None = None
    stream: Callable[[Call], Iterator[Payload]] | None = None
    row_wise: bool = False
    outputs: list[Specification] | None = None
    # V1 rows that the method must answer; two that differ where it is row-wise. None for a method that is not tried.
    samples: list[Any] | None = None


class HuggingfaceModel:
    """As nitrous_host.model.Model."""

    def __init__(self, description: dict[str, Any], methods: dict[str, Method]) -> None:
        self.description = description
        self._methods = methods

    def infer(self, call: Call) -> Payload:
        run = self._methods[call.method].run
        if run is None:
            raise HostError("UNIMPLEMENTED", f"method '{call.method}' only streams")
        return named(run(call), call.outputs)

    def stream(self, call: Call) -> Iterator[Payload]:
        stream = self._methods[call.method].stream
        if stream is None:
            raise HostError("UNIMPLEMENTED", f"method '{call.method}' does not stream")
        return stream(call)


def named(payload: Payload, outputs: list[str] | None) -> Payload:
    """The payload with the outputs that were asked for. Raises HostError INVALID_ARGUMENT for those it has not."""
    if not outputs or payload.kind != "tensors":
        return payload
    for name in outputs:
        if name not in payload.value:
            raise HostError("INVALID_ARGUMENT", f"unknown output '{name}'; this method answers {', '.join(payload.value)}")
    return Payload("tensors", {name: payload.value[name] for name in outputs})


def tensors(**arrays: Any) -> Payload:
    """Arrays by output name, with "_" in a name for "-"."""
    return Payload("tensors", {name.replace("_", "-"): array for name, array in arrays.items()})
