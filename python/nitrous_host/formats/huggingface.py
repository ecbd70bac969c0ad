"""Folders of Hugging Face models: config.json, weights in safetensors, tokenizer and processors; served through transformers."""

from __future__ import annotations

import importlib

from nitrous_host.huggingface.arguments import KNOWN, read_arguments
from nitrous_host.huggingface.loading import load_folder, stay_offline
from nitrous_host.huggingface.methods import HuggingfaceModel
from nitrous_host.huggingface.warm_up import warm_up
from nitrous_host.model import LoadRequest, Progress


def load(request: LoadRequest, progress: Progress) -> HuggingfaceModel:
    """Raises HostError, and ImportError for a package that the model needs."""
    settings = getattr(request, "settings", None) or {}
    arguments = read_arguments(settings)
    stay_offline()
    progress("importing torch and transformers")
    import transformers

    loaded = load_folder(request, arguments, progress)
    unknown = sorted(set(settings) - set(KNOWN))
    if unknown:
        loaded.warnings.append(f"unknown arguments {', '.join(unknown)}; known are {', '.join(KNOWN)}")
    progress(f"preparing {loaded.task}")
    methods = importlib.import_module(f"nitrous_host.huggingface.{loaded.task}").methods(loaded)
    progress("answering the warm-up")
    return warm_up(request, loaded, methods, transformers.__version__)
