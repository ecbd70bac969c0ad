"""What a method takes and gives, from its declarations and its type hints: docs/frames.md's description of a method."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any, Callable

from nitrous_host.custom.arguments import NAMED, parameters_of, takes_cancelled
from nitrous_host.custom.hints import ANY, IMAGE, Hint, hints_of
from nitrous_host.custom.sizing import declared_sizing, takes_lengths
from nitrous_host.custom.specifications import specifications
from nitrous_host.custom.typed_results import OUTPUT_NAME
from nitrous_host.errors import HostError

# The form in which these come is not only that of a tensor: base64 in an object, pixels.
FREE_FORMS = (bytes, IMAGE)


@dataclass
class Plan:
    """How a method is called: `by_row` once for each row with that row's values, else once with all of them."""

    name: str
    parameters: list[inspect.Parameter]
    hints: dict[str, Hint]
    result: Hint
    by_row: bool
    takes_cancelled: bool
    takes_lengths: bool
    description: dict[str, Any]


def plan_of(name: str, function: Callable[..., Any], declared: dict[str, Any]) -> Plan:
    """The plan of a bound method. Raises HostError INVALID_ARGUMENT for declarations that are wrong."""
    found = hints_of(function)
    result = found.pop("return", ANY)
    where = "" if name == "predict" else f"{name}: "
    inputs = specifications(declared.get("inputs") or {}, f"{where}inputs")
    outputs = [{**entry, "declared": True} for entry in specifications(declared.get("outputs") or {}, f"{where}outputs")]
    sizing = declared_sizing({key: declared[key] for key in ("padding", "unpad", "cost") if key in declared})
    streaming = _streams(function) or result.streams
    if streaming and not result.streams and result.depth > 0:
        # A generator that is annotated as Iterable[str] yields texts.
        result = dataclasses.replace(result, depth=result.depth - 1, streams=True)
    own = {"inputs": inputs, "sizing": sizing}
    parameters = parameters_of(function)
    data = [each for each in parameters if not takes_cancelled(each) and not takes_lengths(each, own)]
    hints = {each.name: found.get(each.name, ANY) for each in data if each.kind in NAMED}
    by_row = not inputs and _is_by_row(data, hints, result)
    description: dict[str, Any] = {
        **_accepted(inputs, data, hints, by_row),
        "outputs": outputs or described_outputs(result, by_row),
        "batchable": bool(declared.get("batchable")) and not streaming,
        "stateful": bool(declared.get("stateful")) and not streaming,
        **({"sizing": sizing} if sizing else {}),
        "streaming": streaming,
    }
    return Plan(
        name,
        data,
        hints,
        result,
        by_row,
        any(map(takes_cancelled, parameters)),
        any(takes_lengths(each, own) for each in parameters),
        description,
    )


def _streams(function: Callable[..., Any]) -> bool:
    function = inspect.unwrap(function)
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def _is_by_row(data: list[inspect.Parameter], hints: dict[str, Hint], result: Hint) -> bool:
    """
    Arrays are whole, and so is what has no hint. With hints of plain Python types, one value among the inputs that must come, or as the
    result, says that the method is about one row.
    """
    required = [each.name for each in data if each.default is inspect.Parameter.empty and each.kind in NAMED]
    decisive = [hints[name] for name in required or hints]
    if not decisive or any(hint.kind not in ("value", "json", "record") or hint.shape is not None for hint in decisive):
        return False
    return any(hint.is_single for hint in decisive) or (result.is_single and result.kind != "json" and not result.streams)


def _accepted(inputs: list[dict[str, Any]], data: list[inspect.Parameter], hints: dict[str, Hint], by_row: bool) -> dict[str, Any]:
    if inputs:
        _check_names(inputs, data)
        # What a default stands for may be left out.
        optional = {each.name for each in data if each.kind in NAMED and each.default is not inspect.Parameter.empty}
        entries = [{**entry, "optional": True} if entry["name"] in optional else entry for entry in inputs]
        is_frame = len(hints) == 1 and next(iter(hints.values())).kind == "frame"
        return {"accepts": "frame" if is_frame else "tensors", "inputs": entries}
    known = [_input_like(each, hints[each.name], by_row) for each in data if each.kind in NAMED]
    if not known or None in known or len(known) < len(data):
        return {"accepts": "json", "inputs": []}
    # Lists in rows may differ in length, which tensors cannot.
    fixed = all(hint.type not in FREE_FORMS and (hint.depth == 0 or not by_row) for hint in hints.values())
    return {"accepts": "tensors" if fixed else "json", "inputs": known, **({"convertsNumbers": True} if fixed else {})}


def _check_names(inputs: list[dict[str, Any]], data: list[inspect.Parameter]) -> None:
    names = {each.name for each in data if each.kind in NAMED}
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in data) or len(names) == 1:
        return
    unknown = [entry["name"] for entry in inputs if entry["name"] not in names]
    if unknown:
        raise HostError("INVALID_ARGUMENT", f"inputs declares '{unknown[0]}', which the method does not take; it takes {', '.join(names)}")


def _input_like(parameter: inspect.Parameter, hint: Hint, by_row: bool) -> dict[str, Any] | None:
    """The specification of an input that its hint makes certain. One value for a whole request is a tensor of any length, all equal."""
    if hint.shape is not None:
        shape = list(hint.shape)
    elif hint.kind == "value":
        shape = [-1] * max(1, hint.depth + by_row)
    else:
        return None
    is_optional = hint.optional or parameter.default is not inspect.Parameter.empty
    return {"name": parameter.name, "datatype": hint.datatype, "shape": shape, **({"optional": True} if is_optional else {})}


def described_outputs(result: Hint, by_row: bool) -> list[dict[str, Any]]:
    """Specifications of the outputs that the hint of a result makes certain, all or none."""
    fields = result.fields if result.kind == "record" else {OUTPUT_NAME: result}
    if not fields:
        return []
    more = result.depth + by_row if result.kind == "record" else int(by_row)
    entries = [_output_like(name, hint, more) for name, hint in fields.items()]
    return [] if None in entries else entries  # type: ignore[return-value]


def _output_like(name: str, hint: Hint, more: int) -> dict[str, Any] | None:
    if hint.shape is not None and hint.kind == "array":
        shape = [-1] * more + list(hint.shape)
        return {"name": name, "datatype": hint.datatype, "shape": shape, **({"declared": True} if more == 0 else {})}
    if hint.kind != "value" or hint.optional:
        return None
    return {"name": name, "datatype": hint.datatype, "shape": [-1] * max(1, hint.depth + more)}
