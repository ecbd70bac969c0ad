"""Intermediate answers, and classes by name."""

from __future__ import annotations

import importlib
from typing import Any


def import_class(class_name: str, module_prefix: str | None = None) -> type:
    """The class of a dotted name. Raises ImportError."""
    module_name, _, name = (class_name or "").rpartition(".")
    path = ".".join(part for part in (module_prefix, module_name) if part)
    if not name or not path:
        raise ImportError(f"{class_name!r} does not name a module and a class")
    found = getattr(importlib.import_module(path), name, None)
    if found is None:
        raise ImportError(f"there is no class {name} in {path}")
    return found


def send_intermediate_predict_response(ret: list[Any], req_id_map: Any, message: str, code: int, context: Any = None) -> None:
    """Keeps a part of each answer; the client gets the parts, in their order, before what `handle` returns."""
    context.intermediate_responses.append(list(ret))
