"""What a Keras file says before Keras loads it: its version, its configuration, and whether there is code in it."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass
from typing import Any, Iterator

from nitrous_host.errors import HostError, summary, trace

# Layers whose configuration is code, or that load it from another file: by class, what a refusal calls them.
CODE = {
    "Lambda": "a Lambda layer ('{name}'), whose function is Python code",
    "__lambda__": "a Python lambda in its configuration",
    "TorchModuleWrapper": "a TorchModuleWrapper ('{name}'), which holds a pickle",
    "TFSMLayer": "a TFSMLayer ('{name}'), which loads a SavedModel from elsewhere",
    "JaxLayer": "a JaxLayer ('{name}'), whose function is Python code",
    "FlaxLayer": "a FlaxLayer ('{name}'), whose module is Python code",
}
# Bytes of a configuration that somebody would look through.
LONGEST_CONFIGURATION = 256 << 20


@dataclass
class Recorded:
    """`version` is empty when the file does not say it."""

    version: str
    configuration: Any


def read_recorded(file: str) -> Recorded:
    """Raises HostError INVALID_ARGUMENT for a file that is neither a whole .keras archive nor a whole HDF5 file of a model."""
    name = os.path.basename(file)
    try:
        with open(file, "rb") as content:
            is_archive = content.read(2) == b"PK"
        return _of_archive(file) if is_archive else _of_hdf5(file)
    except HostError:
        raise
    except Exception as error:
        message = f"{name} is not a whole Keras file ({summary(error)[:200]}): copy it again, or write it again with model.save"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error


def code_in(configuration: Any) -> str | None:
    """The first thing in a configuration that is code, in words; None without any."""
    for entry in _objects(configuration):
        described = CODE.get(str(entry.get("class_name", "")).rpartition(">")[2])
        if described is not None:
            own = entry.get("config")
            return described.format(name=str(own.get("name", ""))[:80] if isinstance(own, dict) else "")
    return None


def _of_archive(file: str) -> Recorded:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if len(set(names)) != len(names):
            raise ValueError("it has two entries of one name")
        metadata = json.loads(_read(archive, "metadata.json"))
        configuration = json.loads(_read(archive, "config.json"))
    return Recorded(str(metadata.get("keras_version", "")), configuration)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LONGEST_CONFIGURATION:
        raise ValueError(f"{name} is larger than {LONGEST_CONFIGURATION} bytes")
    return archive.read(name)


def _of_hdf5(file: str) -> Recorded:
    import h5py

    with h5py.File(file, "r") as content:
        configuration = content.attrs.get("model_config")
        version = content.attrs.get("keras_version", "")
    if configuration is None:
        message = f"{os.path.basename(file)} holds weights and no model: save the whole model with model.save('model.keras')"
        raise HostError("INVALID_ARGUMENT", message)
    text = configuration.decode() if isinstance(configuration, bytes) else configuration
    return Recorded(version.decode() if isinstance(version, bytes) else str(version), json.loads(text))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects of a JSON value, however deep."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            yield each
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
