"""What torch.save wrote: weights, which need a model file, or a whole module, which is a pickle."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import os
import pickle
import re
import sys
from types import ModuleType
from typing import Any

import torch

from nitrous_host.errors import HostError, from_import, summary, trace
from nitrous_host.formats.pytorch_modules import serve_module
from nitrous_host.model import LoadRequest, Model, Progress
from nitrous_host.untrusted_code import refuse_code, refuse_pickle
from nitrous_host.warmup import Framework

# Keys under which checkpoints of training loops keep the weights.
WEIGHTS_KEYS = ("state_dict", "model_state_dict", "model")

_serial = itertools.count(1)


def load_saved(request: LoadRequest, progress: Progress, framework: Framework, device: torch.device, settings: dict[str, Any]) -> Model:
    """
    Raises HostError: PERMISSION_DENIED for a pickled module or a model file that nobody trusts, INVALID_ARGUMENT for weights
    that do not fit the class, or that have none.
    """
    name = os.path.basename(request.file)
    model_file = _model_file(request)
    content = _read(request, name, device)
    if isinstance(content, torch.nn.Module):
        module = content
    else:
        weights = _weights_in(content, name)
        if model_file is None:
            way = "put a .py file with the nn.Module beside it, or write the model with torch.export.save"
            raise HostError("INVALID_ARGUMENT", f"{name} holds weights and not the model that they belong to: {way}")
        if not request.code:
            raise refuse_code(f"{name} needs the class in {os.path.basename(model_file)}")
        progress(f"importing {os.path.basename(model_file)}")
        module = _build(model_file, settings.get("model_class") or settings.get("model_class_name"), weights, name)
    module.to(device).eval()
    declared = inspect.signature(module.forward).parameters.values()
    parameters = [each for each in declared if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    required = sum(1 for each in parameters if each.default is each.empty)
    progress("answering the warm-up")
    return serve_module(request, framework, device, module, [each.name for each in parameters], required)


def _read(request: LoadRequest, name: str, device: torch.device) -> Any:
    """What the file holds: tensors and containers alone, unless somebody trusts its pickles."""
    try:
        try:
            return torch.load(request.file, map_location=device, weights_only=True)
        except pickle.UnpicklingError as error:
            named = re.search(r"GLOBAL ([\w.]+)", str(error))
            if named is None:
                raise
            if request.trust != "pickle":
                raise refuse_pickle(f"{name} is a pickle that names {named[1]}", request.model, trace(error)) from error
            if request.code:
                _see(os.path.dirname(os.path.abspath(request.file)))
            return torch.load(request.file, map_location=device, weights_only=False)
    except HostError:
        raise
    except ImportError as error:
        raise from_import(error) from error
    except AttributeError as error:
        way = "put the file that defines it beside it, under the name that it had"
        message = f"{name} is a pickled module whose class is not here ({error}): {way}"
        raise HostError("FAILED_PRECONDITION", message, trace(error)) from error
    except Exception as error:
        reason = summary(error).partition("\n")[0][:200]
        message = f"{name} is not a whole file of torch.save ({reason}): copy it again, or write it again"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error


def _weights_in(content: Any, name: str) -> dict[str, torch.Tensor]:
    """Raises HostError INVALID_ARGUMENT for a file without a dictionary of tensors."""
    if isinstance(content, dict):
        nested = next((content[key] for key in WEIGHTS_KEYS if isinstance(content.get(key), dict)), None)
        weights = content if nested is None else nested
        if weights and all(isinstance(key, str) for key in weights) and any(isinstance(value, torch.Tensor) for value in weights.values()):
            return weights
    message = f"{name} holds a {type(content).__name__} and neither a model nor its weights: save model.state_dict()"
    raise HostError("INVALID_ARGUMENT", message)


def _model_file(request: LoadRequest) -> str | None:
    """model.py, or the only .py file beside the weights. Raises HostError INVALID_ARGUMENT for several."""
    folder = os.path.dirname(os.path.abspath(request.file))
    files = sorted(entry for entry in os.listdir(folder) if entry.endswith(".py"))
    if "model.py" in files:
        return os.path.join(folder, "model.py")
    if len(files) > 1:
        message = f"there are several .py files beside the weights ({', '.join(files)}): call the one with the model model.py"
        raise HostError("INVALID_ARGUMENT", message)
    return os.path.join(folder, files[0]) if files else None


def _build(file: str, wanted: str | None, weights: dict[str, torch.Tensor], name: str) -> torch.nn.Module:
    model_class = _class_in(_import(file), os.path.basename(file), wanted)
    try:
        module = model_class()
    except Exception as error:
        message = (
            f"{model_class.__name__}() in {os.path.basename(file)} failed: {summary(error)}; the class has to be built without arguments"
        )
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:4]]
        message = f"the weights in {name} do not fit {model_class.__name__} in {os.path.basename(file)}: {' '.join(lines)[:400]}"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    return module


def _class_in(module: ModuleType, file: str, wanted: str | None) -> type[torch.nn.Module]:
    """The class of that name, else Model or PyTorchModel, else the only nn.Module that the file defines. Raises HostError INVALID_ARGUMENT."""
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, torch.nn.Module) and value.__module__ == module.__name__
    }
    if wanted is not None and wanted not in own:
        raise HostError("INVALID_ARGUMENT", f"{file} has no nn.Module called {wanted}, only {', '.join(own) or 'none'}")
    candidates = [wanted] if wanted else [name for name in ("Model", "PyTorchModel") if name in own] or list(own)
    if len(candidates) == 1:
        return own[candidates[0]]
    found = f"several ({', '.join(own)}): name one with --model_class" if own else "none"
    raise HostError("INVALID_ARGUMENT", f"{file} needs one class that is an nn.Module, and has {found}")


def _import(file: str) -> ModuleType:
    """The file as a module with a name of its own, so that the model.py of two models never meet."""
    _see(os.path.dirname(file))
    name = f"nitrous_network_{next(_serial)}"
    specification = importlib.util.spec_from_file_location(name, file)
    if specification is None or specification.loader is None:
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(file)} is not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except ImportError as error:
        raise from_import(error) from error
    except Exception as error:
        raise HostError("INVALID_ARGUMENT", f"{os.path.basename(file)} failed: {summary(error)}", trace(error)) from error
    return module


def _see(folder: str) -> None:
    if folder not in sys.path:
        sys.path.insert(0, folder)
