"""Settings of a model, as in its model-settings.json."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any, ClassVar

from mlserver.records import Record, list_of
from mlserver.types import MetadataTensor


class ModelParameters(Record):
    EXTRA: ClassVar[bool] = True
    uri: str | None = None
    version: str | None = None
    environment_path: str | None = None
    environment_tarball: str | None = None
    inference_pool_gid: str | None = None
    autogenerate_inference_pool_gid: bool = False
    format: str | None = None
    content_type: str | None = None
    extra: Any = {}


class ModelSettings(Record):
    """`implementation` is the class, or the path by which Python imports it."""

    EXTRA: ClassVar[bool] = True
    CONVERT: ClassVar[dict[str, Any]] = {
        "parameters": ModelParameters.model_validate,
        "inputs": list_of(MetadataTensor),
        "outputs": list_of(MetadataTensor),
    }
    implementation_: Any
    name: str = ""
    platform: str = ""
    versions: list[str] = []
    inputs: list[MetadataTensor] = []
    outputs: list[MetadataTensor] = []
    parallel_workers: int | None = None
    warm_workers: bool = False
    max_batch_size: int = 0
    max_batch_time: float = 0.0
    parameters: Any = None
    cache_enabled: bool = False

    def __init__(self, **values: Any) -> None:
        self._source = values.pop("_source", None)
        super().__init__(**{"implementation_" if name == "implementation" else name: value for name, value in values.items()})

    @classmethod
    def parse_file(cls, path: str) -> "ModelSettings":
        """Raises ValueError for what is no JSON or no settings."""
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
        if not isinstance(values, dict):
            raise ValueError("expected an object")
        return cls(_source=path, **values)

    @property
    def implementation(self) -> Any:
        if not isinstance(self.implementation_, str):
            return self.implementation_
        module, _, name = self.implementation_.rpartition(".")
        folder = os.path.dirname(os.path.abspath(self._source)) if self._source else None
        if folder is not None and folder not in sys.path:
            sys.path.insert(0, folder)
        # A module of the same name may be another model's.
        sys.modules.pop(module, None)
        return getattr(importlib.import_module(module), name)

    @property
    def version(self) -> str | None:
        return None if self.parameters is None else self.parameters.version
