"""TorchScript archives: a program of PyTorch's own in its own interpreter, without Python."""

from __future__ import annotations

import os
import re
import warnings as python_warnings
import zipfile
from typing import Any

import torch

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.pytorch_files import without_root
from nitrous_host.formats.pytorch_modules import serve_module
from nitrous_host.formats.pytorch_tensors import explain
from nitrous_host.model import LoadRequest, Model, Progress
from nitrous_host.untrusted_code import refuse_code
from nitrous_host.warmup import Framework

# Operations of TorchScript that read or write files, or speak with other machines; everything else computes.
REACHING = re.compile(r"\b(?:torch|ops\.aten)\.(?:save|from_file)\s*\(|\bops\.(?:c10d|_c10d_functional|symm_mem|fsdp)\.")


def load_script(request: LoadRequest, progress: Progress, framework: Framework, device: torch.device, _settings: dict[str, Any]) -> Model:
    """Raises HostError: INVALID_ARGUMENT for an archive that cannot be loaded, PERMISSION_DENIED for one that reaches files."""
    name = os.path.basename(request.file)
    if not request.code:
        _check(request.file, name)
    try:
        with python_warnings.catch_warnings():
            # PyTorch advises to use torch.export instead, which is for whoever makes the model.
            python_warnings.simplefilter("ignore")
            module = torch.jit.load(request.file, map_location=device)
    except Exception as error:
        reason = f"{name} cannot be loaded with torch {torch.__version__} ({explain(error)})"
        message = f"{reason}: copy it again, or write it again with torch.jit.save"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    module.eval()
    parameters = module.forward.schema.arguments[1:]
    required = sum(1 for parameter in parameters if not parameter.has_default_value())
    progress("answering the warm-up")
    return serve_module(request, framework, device, module, [parameter.name for parameter in parameters], required)


def _check(file: str, name: str) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            code = [entry for entry in archive.namelist() if without_root(entry).startswith("code/") and entry.endswith(".py")]
            found = next((match for entry in code if (match := REACHING.search(archive.read(entry).decode("utf-8", "replace")))), None)
    except (zipfile.BadZipFile, OSError) as error:
        raise HostError("INVALID_ARGUMENT", f"{name} is not a whole TorchScript archive: copy it again", trace(error)) from error
    if found is not None:
        raise refuse_code(f"{name} calls {found[0].rstrip('( ')}, which reaches files or other machines")
