"""What in a model folder is code, which somebody has to trust before it is loaded."""

from __future__ import annotations

import os
from typing import Any

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.flavors import is_direct
from nitrous_host.mlflow_models.mlmodel import MLmodel
from nitrous_host.model import LoadRequest

PYTHON_MODEL = "mlflow.pyfunc.model"
CODE_MODEL = "mlflow.pyfunc.loaders.code_model"


def check_trust(request: LoadRequest, model: MLmodel) -> None:
    """Raises HostError PERMISSION_DENIED when the folder needs trust that it has not."""
    code = code_in(model)
    if code is None or request.code:
        return
    allow = "annotation nitrous/trust: code, or name its folder on the command line of the server"
    message = f"the model was refused: {code}, and nobody said that it may run. If you trust where the folder comes from, allow it: {allow}"
    raise HostError("PERMISSION_DENIED", message)


def code_in(model: MLmodel) -> str | None:
    """What in the folder is code, in words; None when nothing that serving needs is."""
    function = model.function
    if model.loader == PYTHON_MODEL:
        return f"it is a PythonModel, a pickled Python class ({_shown(function.get('python_model'))})"
    if model.loader == CODE_MODEL:
        name = os.path.basename(str(function.get("model_code_path") or ""))
        return f"it is a model from code ({_shown(name)}, a Python file)"
    for name, flavor in model.flavors.items():
        if flavor.get("code"):
            return f"its flavor {name} brings Python files along ({_shown(flavor['code'])})"
    if not is_direct(model):
        return f"its loader_module is {_shown(model.loader)}, which runs what it finds in the folder"
    return None


def _shown(value: Any) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in str(value))
    return text if len(text) <= 100 else f"{text[:100]}…"
