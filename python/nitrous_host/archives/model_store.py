"""KServe's layout for TorchServe: a folder with config/config.properties and model-store/NAME.mar."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

from nitrous_host.archives.properties import read_properties
from nitrous_host.errors import HostError

STORE = "model-store"
CONFIGURATIONS = ("config/config.properties", "config.properties")
# Keys of config.properties that say which archives there are; model_store itself is where this server found them.
USED = {"load_models", "models", "model_snapshot", "model_store", "service_envelope", "install_py_dep_per_model"}


@dataclass
class StoredModel:
    """An archive, with what config.properties says of it (batchSize, ...) and of all."""

    path: str
    settings: dict[str, Any] = field(default_factory=dict)
    envelope: str | None = None
    warnings: list[str] = field(default_factory=list)


def find_archive(path: str, model: str) -> StoredModel:
    """
    The archive itself, or the one of a model store that the model's name means: the one that config.properties gives that name, the
    file of that name, the only one that is loaded, the only one. Raises HostError INVALID_ARGUMENT when none of these tells.
    """
    store = os.path.join(path, STORE)
    if not os.path.isdir(store):
        return StoredModel(path)
    properties = _configuration(path)
    entries = _entries(properties)
    files = sorted(name for name in os.listdir(store) if name.endswith(".mar") or os.path.isdir(os.path.join(store, name, "MAR-INF")))
    loaded = _loaded(properties.get("load_models", "all"), files)
    chosen = _choose(model, files, entries, loaded)
    settings = next((entry for entry in entries.values() if entry.get("marName") == chosen), {})
    return StoredModel(os.path.join(store, chosen), settings, properties.get("service_envelope"), _warnings(properties))


def _choose(model: str, files: list[str], entries: dict[str, dict[str, Any]], loaded: dict[str, str]) -> str:
    named = entries.get(model, {}).get("marName")
    if named is not None and named not in files:
        raise HostError("INVALID_ARGUMENT", f"config.properties names {named} for the model {model}, and {STORE} has {_list(files)}")
    for candidate in (named, loaded.get(model), f"{model}.mar", model):
        if candidate in files:
            return candidate
    for candidates in (set(loaded.values()) & set(files), set(files)):
        if len(candidates) == 1:
            return candidates.pop()
    if not files:
        raise HostError("INVALID_ARGUMENT", f"there is no .mar archive in {STORE}")
    raise HostError(
        "INVALID_ARGUMENT",
        f"{STORE} has {_list(files)}, and none of them is called {model}: give the InferenceService the name of one, or point storageUri at it",
    )


def _configuration(path: str) -> dict[str, str]:
    for name in CONFIGURATIONS:
        file = os.path.join(path, name)
        if os.path.isfile(file):
            return read_properties(file)
    return {}


def _entries(properties: dict[str, str]) -> dict[str, dict[str, Any]]:
    """By model, the settings of its default version, of `models={...}` or of a snapshot."""
    entries: dict[str, dict[str, Any]] = {}
    for key in ("model_snapshot", "models"):
        text = properties.get(key)
        if not text:
            continue
        try:
            document = json.loads(text)
        except ValueError as error:
            raise HostError("INVALID_ARGUMENT", f"config.properties: {key} is no JSON: {error}") from error
        models = document.get("models", {}) if key == "model_snapshot" and isinstance(document, dict) else document
        if not isinstance(models, dict):
            raise HostError("INVALID_ARGUMENT", f"config.properties: {key} must be an object by model")
        for name, versions in models.items():
            if isinstance(versions, dict):
                given = [version for version in versions.values() if isinstance(version, dict)]
                entries[name] = next((version for version in given if version.get("defaultVersion")), given[-1] if given else {})
    return entries


def _loaded(text: str, files: list[str]) -> dict[str, str]:
    """Archives by the names of `load_models`: `all`, or `a.mar, b=b.mar`."""
    if text.strip() in ("all", "standalone", "none", ""):
        return {name.removesuffix(".mar"): name for name in files}
    loaded = {}
    for item in text.split(","):
        name, _, file = item.strip().rpartition("=")
        if file:
            loaded[name.strip() or file.strip().removesuffix(".mar")] = file.strip()
    return loaded


def _warnings(properties: dict[str, str]) -> list[str]:
    unused = sorted(set(properties) - USED)
    if not unused:
        return []
    return [f"of config.properties, {', '.join(unused)} {'has' if len(unused) == 1 else 'have'} no effect: this server has settings of its own for that"]


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"
