"""What a model configuration says of tensors, as docs/frames.md has it."""

from __future__ import annotations

import sys
from typing import Any

METHOD = "predict"


def describe(configuration: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    """The tensors are those that the model itself has: with rows in front where it takes several, and reshaped."""
    most_rows = int(configuration.get("max_batch_size", 0))
    decoupled = is_decoupled(configuration)
    method: dict[str, Any] = {
        "accepts": "tensors",
        "inputs": [_tensor(entry, most_rows) for entry in configuration.get("input", [])],
        "outputs": [_tensor(entry, most_rows) for entry in configuration.get("output", [])],
        "batchable": most_rows > 0 and not decoupled,
        "streaming": decoupled,
    }
    if most_rows > 0:
        method["maxRows"] = most_rows
    if not decoupled:
        method["together"] = True
        if is_iterative(configuration):
            method["concurrency"] = _sequences(configuration["sequence_batching"], most_rows)
    return {
        "framework": "triton-python",
        "frameworkVersion": ".".join(map(str, sys.version_info[:3])),
        "warnings": warnings,
        "configuration": configuration,
        "methods": {METHOD: method},
    }


def is_decoupled(configuration: dict[str, Any]) -> bool:
    return bool(configuration.get("model_transaction_policy", {}).get("decoupled", False))


def is_iterative(configuration: dict[str, Any]) -> bool:
    return bool(configuration.get("sequence_batching", {}).get("iterative_sequence", False))


def _sequences(batching: dict[str, Any], most_rows: int) -> int:
    """As many as the sequence batcher has open at once."""
    candidates = int(batching.get("oldest", {}).get("max_candidate_sequences", 0))
    return max(1, candidates or most_rows)


def _tensor(entry: dict[str, Any], most_rows: int) -> dict[str, Any]:
    dims = entry["reshape"].get("shape", []) if entry.get("reshape") else entry.get("dims", [])
    datatype = entry.get("data_type", "TYPE_INVALID").partition("TYPE_")[2]
    described: dict[str, Any] = {
        "name": entry["name"],
        "datatype": "BYTES" if datatype == "STRING" else datatype,
        "shape": [*([-1] if most_rows > 0 else []), *map(int, dims)],
    }
    if entry.get("optional"):
        described["optional"] = True
    return described
