"""PyTorch models: TorchScript, torch.export's programs, weights with a model file, and pickled modules."""

from __future__ import annotations

import os

import torch

from nitrous_host.errors import HostError
from nitrous_host.formats.pytorch_export import load_export
from nitrous_host.formats.pytorch_files import kind_of
from nitrous_host.formats.pytorch_saved import load_saved
from nitrous_host.formats.pytorch_script import load_script
from nitrous_host.formats.pytorch_tensors import choose_device
from nitrous_host.framework_versions import is_newer
from nitrous_host.model import LoadRequest, Model, Progress
from nitrous_host.settings import read_settings, text
from nitrous_host.warmup import Framework

LOADERS = {"script": load_script, "export": load_export, "saved": load_saved}
# Before it, torch.load(weights_only=True) could be made to run code (CVE-2025-32434).
SAFE_WEIGHTS_ONLY = "2.6"


def load(request: LoadRequest, progress: Progress) -> Model:
    """
    Raises HostError: INVALID_ARGUMENT for a file that is no whole PyTorch file, PERMISSION_DENIED for pickles and code that nobody
    trusts, FAILED_PRECONDITION for what the environment lacks.
    """
    kind = kind_of(request.file)
    if request.trust != "pickle" and is_newer(SAFE_WEIGHTS_ONLY, torch.__version__):
        danger = f"torch {torch.__version__} can be made to run code by files that hold only weights (CVE-2025-32434)"
        raise HostError("FAILED_PRECONDITION", f"{danger}: use torch>={SAFE_WEIGHTS_ONLY} for models that nobody trusts")
    torch.set_num_threads(request.threads)
    framework = Framework("pytorch", torch.__version__)
    settings = read_settings(request.settings, {"device": text, "model_class": text, "model_class_name": text}, framework.warnings)
    device = choose_device(settings.get("device", "auto"))
    progress(f"reading {os.path.basename(request.file)} with torch {torch.__version__} on {device}")
    return LOADERS[kind](request, progress, framework, device, settings)
