"""The file MLmodel of an MLflow model folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import yaml

from nitrous_host.errors import HostError, trace
from nitrous_host.mlflow_models.signature import Signature, read_signature

MLMODEL = "MLmodel"
PYTHON_FUNCTION = "python_function"


@dataclass
class MLmodel:
    """`directory` is the folder; `flavors` by name, what each says; `made_with` the version of MLflow, where it is recorded."""

    directory: str
    flavors: dict[str, dict[str, Any]]
    signature: Signature
    made_with: str | None

    @property
    def function(self) -> dict[str, Any]:
        """What the flavour python_function says."""
        return self.flavors[PYTHON_FUNCTION]

    @property
    def loader(self) -> str:
        """The module that MLflow would load the model with."""
        return self.function["loader_module"]

    def path(self, name: Any, what: str) -> str:
        """The path of something in the folder. Raises HostError INVALID_ARGUMENT when it is not there, or elsewhere."""
        if not isinstance(name, str) or not name:
            raise HostError("INVALID_ARGUMENT", f"MLmodel does not say where {what} is")
        root = os.path.realpath(self.directory)
        path = os.path.realpath(os.path.join(root, name))
        if path != root and not path.startswith(root + os.sep):
            raise HostError("INVALID_ARGUMENT", f"MLmodel says that {what} is '{name}', which is not in the model's folder")
        if not os.path.exists(path):
            raise HostError("INVALID_ARGUMENT", f"{what} '{name}' is missing; MLmodel names it: copy the whole folder again")
        return path


def read_mlmodel(directory: str) -> MLmodel:
    """Raises HostError INVALID_ARGUMENT when there is no MLmodel, or it is no description of a Python function."""
    path = os.path.join(directory, MLMODEL)
    try:
        with open(path, encoding="utf-8") as file:
            document = yaml.safe_load(file)
    except OSError as error:
        raise HostError("INVALID_ARGUMENT", f"the folder has no file {MLMODEL} that can be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"{MLMODEL} is not YAML: copy the folder again", trace(error)) from error
    flavors = document.get("flavors") if isinstance(document, dict) else None
    if not isinstance(flavors, dict) or not all(isinstance(flavor, dict) for flavor in flavors.values()):
        raise HostError("INVALID_ARGUMENT", f"{MLMODEL} has no flavors: it is cut off, or no description of an MLflow model")
    if not isinstance(flavors.get(PYTHON_FUNCTION, {}).get("loader_module"), str):
        names = ", ".join(flavors)
        raise HostError("INVALID_ARGUMENT", f"{MLMODEL} has no flavor {PYTHON_FUNCTION} with a loader_module, only {names}: it cannot be served")
    made_with = document.get("mlflow_version")
    from_hints = document.get("is_signature_from_type_hint") is True
    signature = read_signature(document.get("signature"), from_hints)
    return MLmodel(directory, flavors, signature, made_with if isinstance(made_with, str) else None)
