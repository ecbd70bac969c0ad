"""Models for the Python backend of Triton: model.py with a class TritonPythonModel, in a folder of a version of a model repository."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

from nitrous_host.adapters.shims import provide
from nitrous_host.custom.module import run_code
from nitrous_host.errors import HostError
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.triton_python.bridge import connect
from nitrous_host.triton_python.describe import describe, is_iterative

MODULE = "triton_python_backend_utils"


def load(request: LoadRequest, progress: Progress) -> Any:
    """Raises HostError: for what the file lacks, for a package that is missing, and for whatever the model's code raises."""
    if not request.code:
        raise HostError("PERMISSION_DENIED", "a model.py is code, and nobody trusts this one")
    if request.link is None or not request.configuration:
        raise HostError("INVALID_ARGUMENT", "a model for Triton's Python backend needs its model configuration")
    provide(MODULE)
    from nitrous_host.triton_python.iterative import IterativeModel
    from nitrous_host.triton_python.model import TritonModel

    connect(request.link, request.stream, os.path.dirname(os.path.abspath(request.file)))
    progress(f"importing {os.path.basename(request.file)}")
    kind = _class_in(request.file)
    configuration = _completed(kind, dict(request.configuration), progress)
    progress("initializing")
    instance = run_code(kind, "__init__")
    if hasattr(instance, "initialize"):
        run_code(instance.initialize, "initialize", _arguments(request, configuration))
    description = describe(configuration, [])
    if hasattr(instance, "is_ready"):
        description["checksReadiness"] = True
        # It is asked while `execute` runs, too.
        request.link.look_often()
    model = IterativeModel if is_iterative(configuration) else TritonModel
    return model(description, instance, request.instance or request.model)


def _class_in(file: str) -> Any:
    """As in Triton: imported as a module of a package that is called like the version, with the model's folder and the version's on the path."""
    folder, name = os.path.split(os.path.abspath(file))
    parent, version = os.path.split(folder)
    sys.path.extend(place for place in (parent, folder) if place not in sys.path)
    module = run_code(importlib.import_module, name, f"{version}.{os.path.splitext(name)[0]}")
    kind = getattr(module, "TritonPythonModel", None)
    if kind is None:
        raise HostError("INVALID_ARGUMENT", f"{name} has no class TritonPythonModel")
    if not hasattr(kind, "execute"):
        raise HostError("INVALID_ARGUMENT", f"Python model {name} does not implement `execute` method.")
    return kind


def _completed(kind: Any, configuration: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """The configuration after the model has completed it."""
    complete = getattr(kind, "auto_complete_config", None)
    if complete is None:
        return configuration
    from triton_python_backend_utils.model_config import ModelConfig

    progress("completing its configuration")
    completed = run_code(complete, "auto_complete_config", ModelConfig(json.dumps(configuration)))
    if not isinstance(completed, ModelConfig):
        raise HostError("INVALID_ARGUMENT", f"auto_complete_config function in model '{configuration.get('name', '')}' must return a valid pb.ModelConfig object.")
    return completed.as_dict()


def _arguments(request: LoadRequest, configuration: dict[str, Any]) -> dict[str, str]:
    group = next(iter(configuration.get("instance_group", [])), {})
    kind = group.get("kind", "KIND_CPU").partition("KIND_")[2]
    return {
        "model_config": json.dumps(configuration),
        "model_instance_kind": "CPU" if kind == "AUTO" else kind,
        "model_instance_name": request.instance or request.model,
        "model_instance_device_id": str(next(iter(group.get("gpus", [])), 0)),
        "model_repository": os.path.dirname(os.path.dirname(os.path.abspath(request.file))),
        "model_version": request.version,
        "model_name": request.model,
    }
