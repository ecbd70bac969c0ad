"""What is looked at in a model's folder before transformers reads it: its configuration, its weights, and code that it carries."""

from __future__ import annotations

import glob
import json
import os
import struct
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.model import LoadRequest

# Files of a folder that may name code of its own under auto_map.
WITH_CODE = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json")
# Largest header that safetensors itself reads.
MOST_HEADER_BYTES = 100_000_000


def read_json(directory: str, name: str) -> Any:
    """The contents of a JSON file, None when there is none. Raises HostError INVALID_ARGUMENT for what is not JSON."""
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"{name} cannot be read as JSON: {error}") from error


def check_folder(directory: str) -> dict[str, Any]:
    """The configuration of a folder that looks whole. Raises HostError INVALID_ARGUMENT."""
    config = read_json(directory, "config.json")
    if not isinstance(config, dict):
        found = "is no object" if config is not None else "is missing"
        raise HostError("INVALID_ARGUMENT", f"config.json {found}: expected a folder as save_pretrained writes it")
    weights = sorted(glob.glob(os.path.join(glob.escape(directory), "*.safetensors")))
    if not weights and not glob.glob(os.path.join(glob.escape(directory), "pytorch_model*.bin")):
        raise HostError("INVALID_ARGUMENT", "the folder has no weights: expected model.safetensors or pytorch_model.bin")
    for path in weights:
        _check_safetensors(path)
    return config


def _check_safetensors(path: str) -> None:
    """
    That the file is as long as its header says. The format: https://github.com/huggingface/safetensors, 8 bytes of length, JSON, data.
    Raises HostError INVALID_ARGUMENT.
    """
    name = os.path.basename(path)
    size = os.path.getsize(path)
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(size, MOST_HEADER_BYTES):
                raise ValueError(f"its header says that it is {length} bytes long, of {size} in the file")
            header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
        expected = 8 + length + max(ends, default=0)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, struct.error) as error:
        raise HostError("INVALID_ARGUMENT", f"{name} is not a safetensors file: {error}") from error
    if expected != size:
        raise HostError(
            "INVALID_ARGUMENT", f"{name} has {size} bytes, and its header says {expected}: it was cut off or changed; copy it again"
        )


def allows_code(request: LoadRequest, config: dict[str, Any], wanted: bool | None) -> bool:
    """
    Whether code that the folder carries is to run: it is wanted, or nothing else knows the model's type, and it is trusted.
    Raises HostError PERMISSION_DENIED when it is wanted or needed and not trusted.
    """
    named = [name for name in WITH_CODE if _names_code(read_json(request.directory, name))]
    is_needed = "config.json" in named and not _is_known(config)
    if not (wanted or is_needed):
        return False
    if request.code:
        return wanted is not False
    what = f"{named[0]} names code of its own (auto_map)" if named else "--trust_remote_code asks for code that the model carries"
    raise HostError(
        "PERMISSION_DENIED",
        f"{what}, which did not run. If you trust where the model comes from, allow it: annotation nitrous/trust: code, "
        "or serve its path from the command line",
    )


def _names_code(contents: Any) -> bool:
    return isinstance(contents, dict) and bool(contents.get("auto_map"))


def _is_known(config: dict[str, Any]) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return config.get("model_type") in CONFIG_MAPPING_NAMES
