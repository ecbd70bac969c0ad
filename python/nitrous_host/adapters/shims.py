"""Small packages that stand in for other servers' where a model's environment has not the real ones."""

from __future__ import annotations

import importlib.util
import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "shims")


def provide(package: str) -> None:
    """Makes a package importable. An installed one goes before ours, because its folder comes first."""
    if importlib.util.find_spec(package) is None and FOLDER not in sys.path:
        sys.path.append(FOLDER)


def is_shim(package: str) -> bool:
    """Whether what is imported under this name is ours."""
    return (getattr(sys.modules[package], "__file__", None) or "").startswith(FOLDER + os.sep)
