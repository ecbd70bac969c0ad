"""Parameters of requests and responses, which models read as JSON."""

from __future__ import annotations

import json
from typing import Any

from triton_python_backend_utils.errors import TritonModelException


def checked_parameters(parameters: Any) -> dict[str, Any]:
    """Those that a model gives. Raises TritonModelException for what is no text, whole number or boolean by a text."""
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise TritonModelException(f"Expect parameters to have type dict, got {type(parameters)}")
    for key, value in parameters.items():
        if not isinstance(key, str):
            raise TritonModelException(f"Expect parameters keys to have type str, found type {type(key)}")
        if not isinstance(value, (str, int)):
            raise TritonModelException(f"Expect parameters values to have type bool/int/str, found type {type(value)}")
    return dict(parameters)


def parameters_json(parameters: dict[str, Any]) -> str:
    return json.dumps(parameters)
