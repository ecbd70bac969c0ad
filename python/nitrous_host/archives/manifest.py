"""MAR-INF/MANIFEST.json: what an archive holds."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from nitrous_host.errors import HostError

DEFAULT_CONFIGURATION = "model-config.yaml"


@dataclass
class Manifest:
    """`document` is the whole manifest, as handlers get it; names of files are below the archive's folder."""

    document: dict[str, Any]
    name: str
    version: str
    handler: str
    serialized_file: str | None
    model_file: str | None
    configuration: dict[str, Any]


def read_manifest(folder: str) -> Manifest:
    """Raises HostError INVALID_ARGUMENT for a manifest that is missing, no JSON, or names files that are not there."""
    path = os.path.join(folder, "MAR-INF", "MANIFEST.json")
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except FileNotFoundError:
        raise HostError("INVALID_ARGUMENT", "it has no MAR-INF/MANIFEST.json, so it is no archive of TorchServe; torch-model-archiver makes them") from None
    except (OSError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"MAR-INF/MANIFEST.json cannot be read: {error}") from error
    model = document.get("model") if isinstance(document, dict) else None
    if not isinstance(model, dict):
        raise HostError("INVALID_ARGUMENT", 'MAR-INF/MANIFEST.json has no object "model"')
    handler = _text(model, "handler")
    if not handler:
        raise HostError("INVALID_ARGUMENT", 'MAR-INF/MANIFEST.json names no "handler"')
    return Manifest(
        document=document,
        name=_text(model, "modelName") or "",
        version=_text(model, "modelVersion") or "1.0",
        handler=handler,
        serialized_file=_file(folder, model, "serializedFile"),
        model_file=_file(folder, model, "modelFile"),
        configuration=_configuration(folder, _file(folder, model, "configFile")),
    )


def _text(model: dict[str, Any], key: str) -> str | None:
    value = model.get(key)
    if value is not None and not isinstance(value, str):
        raise HostError("INVALID_ARGUMENT", f'MAR-INF/MANIFEST.json: model.{key} must be a text, not {json.dumps(value)[:80]}')
    return value or None


def _file(folder: str, model: dict[str, Any], key: str) -> str | None:
    name = _text(model, key)
    if name is None:
        return None
    base = os.path.realpath(folder)
    if not os.path.realpath(os.path.join(base, name)).startswith(base + os.sep):
        raise HostError("INVALID_ARGUMENT", f"MAR-INF/MANIFEST.json: model.{key} is {name!r}, which is outside of the archive")
    if not os.path.isfile(os.path.join(base, name)):
        raise HostError("INVALID_ARGUMENT", f"the archive has no {name}, which its manifest names as {key}")
    return name


def _configuration(folder: str, name: str | None) -> dict[str, Any]:
    """What model-config.yaml says: the file that the manifest names, else the one of that name."""
    path = os.path.join(folder, name or DEFAULT_CONFIGURATION)
    if not os.path.isfile(path):
        return {}
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            configuration = yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(path)} cannot be read: {error}") from error
    if not isinstance(configuration, (dict, type(None))):
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(path)} must hold settings by name, and holds a {type(configuration).__name__}")
    return configuration or {}
