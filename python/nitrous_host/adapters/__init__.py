"""Models that were written for other servers: their interface is recognised, and its methods are served."""

from __future__ import annotations

import importlib

from nitrous_host.adapters import nos_model
from nitrous_host.adapters.interfaces import interface_of
from nitrous_host.adapters.shims import provide
from nitrous_host.model import LoadRequest, Model, Progress

# Interface and the module that serves it: `load(request, progress)`.
MODULES = {"kserve": "kserve_model", "litserve": "litserve_api", "bentoml": "bentoml_service", "mlserver": "mlserver_model"}


def adapt(request: LoadRequest, progress: Progress) -> Model | None:
    """
    The model when its file is written for one of these servers, or a catalog of NOS names it, else None, and then nothing of it has
    run. Raises HostError.
    """
    if nos_model.SETTING in request.settings:
        return nos_model.load(request, progress)
    interface = interface_of(request.file)
    if interface is None:
        return None
    provide(interface)
    return importlib.import_module(f"nitrous_host.adapters.{MODULES[interface]}").load(request, progress)
