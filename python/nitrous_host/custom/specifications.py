"""Tensor specifications as people write them: "FP32[-1,4]"."""

from __future__ import annotations

import re
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.tensors import DTYPES

DATATYPES = {*DTYPES, "BF16", "BYTES"}
SPECIFICATION = re.compile(r"([A-Z0-9]+)\[\s*(-?\d+(?:\s*,\s*-?\d+)*)?\s*\]")


def parse(text: Any) -> tuple[str, list[int]] | None:
    """Datatype and shape, -1 for any size; None for what is no specification."""
    match = SPECIFICATION.fullmatch(text) if isinstance(text, str) else None
    if match is None or match[1] not in DATATYPES:
        return None
    return match[1], [int(dimension) for dimension in match[2].split(",")] if match[2] else []


def specifications(declared: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """The entries of a description for {"x": "FP32[-1,4]"}. Raises HostError INVALID_ARGUMENT."""
    entries = []
    for name, text in declared.items():
        parsed = parse(text)
        if parsed is None:
            raise HostError("INVALID_ARGUMENT", f'{where}["{name}"] is {text!r}; expected something like "FP32[-1,4]" or "BYTES[-1]"')
        entries.append({"name": name, "datatype": parsed[0], "shape": parsed[1]})
    return entries
