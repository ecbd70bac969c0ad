"""Folders of Hugging Face models: config.json, weights in safetensors, tokenizer and processors; served through transformers."""

from __future__ import annotations

import importlib

from nitrous_host.huggingface.arguments import read_arguments
from nitrous_host.huggingface.loading import load_folder, stay_offline
from nitrous_host.huggingface.methods import HuggingfaceModel
from nitrous_host.huggingface.warm_up import warm_up
from nitrous_host.model import LoadRequest, Progress


def load(request: LoadRequest, progress: Progress) -> HuggingfaceModel:
    """Raises HostError, and ImportError for a package that the model needs."""
    warnings: list[str] = []
    arguments = read_arguments(request.settings, warnings)
    stay_offline()
    loaded = load_folder(request, arguments, progress)
    loaded.warnings[:0] = warnings
    progress(f"preparing {loaded.task}")
    methods = importlib.import_module(f"nitrous_host.huggingface.{loaded.task}").methods(loaded)
    progress("answering the warm-up")
    return warm_up(request, loaded, methods)
