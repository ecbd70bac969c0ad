"""Other models of the server: whether they answer, and loading and unloading them."""

from __future__ import annotations

from nitrous_host.triton_python.bridge import bridge


def load_model(model_name: str, config: str = "", files: dict[str, bytes] | None = None) -> None:
    """
    Settles when the model answers. `config` is a model configuration in JSON instead of its own; `files` are its files then, by "file:"
    and their path below its folder. Raises TritonModelException.
    """
    bridge().load_model(model_name, config, {path.partition("file:")[2] or path: data for path, data in (files or {}).items()})


def unload_model(model_name: str, unload_dependents: bool = False) -> None:
    """With an ensemble and `unload_dependents`, its steps go too that nobody else needs. Raises TritonModelException."""
    bridge().unload_model(model_name, unload_dependents)


def is_model_ready(model_name: str, model_version: str = "") -> bool:
    return bridge().is_model_ready(model_name, model_version)


def get_model_dir() -> str:
    """The folder that model.py is in."""
    return bridge().model_directory
