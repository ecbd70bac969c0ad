"""One module per model format; each has `load(meta, report) -> Model`."""

import importlib
import json
from typing import Any, Callable, Iterator, Protocol

from ..errors import HostError
from ..payload import Request

_MODULES = {"sklearn": "sklearn", "xgboost": "xgboost", "lightgbm": "lightgbm", "python": "custom"}


class Model(Protocol):
    """A loaded model. `description` is what docs/frames.md calls the description of a model."""

    description: dict

    def call(self, request: Request) -> Any:
        """Arrays by output name, or Json."""

    def stream(self, request: Request) -> Iterator[Any]:
        """The same, one after the other; only for streaming methods."""


def load_model(meta: dict, report: Callable[[str], None]) -> Model:
    """Loads and warms up the model of a load frame.

    Raises HostError FAILED_PRECONDITION for a missing package, INVALID_ARGUMENT for an artefact that cannot be read.
    """
    module = _MODULES.get(meta["format"])
    if module is None:
        raise HostError("UNIMPLEMENTED", f"the Python host has no format '{meta['format']}'; it has {', '.join(_MODULES)}")
    try:
        return importlib.import_module(f".{module}", __name__).load(meta, report)
    except ModuleNotFoundError as error:
        hint = f"it needs the package '{error.name}': add it to requirements.txt in the model's folder"
        raise HostError("FAILED_PRECONDITION", hint) from error


def read_example(meta: dict) -> Any:
    """The model's example.json, or None."""
    if meta.get("example") is None:
        return None
    try:
        with open(meta["example"], encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise HostError("INVALID_ARGUMENT", f"its example.json cannot be read: {error}") from error
