"""The handler that all others are derived from: it loads the model, and calls it between preprocessing and postprocessing."""

from __future__ import annotations

import importlib
import logging
import os
import time
from abc import ABC
from typing import Any

import torch

from ts.handler_utils.timer import timed
from ts.torch_handler.weights import load_weights
from ts.utils.util import PredictionException, list_classes_from_module, load_label_mapping

logger = logging.getLogger(__name__)


class BaseHandler(ABC):
    """The attributes and methods of TorchServe's BaseHandler that its documentation lets handlers use and override."""

    def __init__(self) -> None:
        self.model: Any = None
        self.mapping: dict[str, str] | None = None
        self.device: Any = None
        self.initialized = False
        self.context: Any = None
        self.model_pt_path: str | None = None
        self.manifest: dict[str, Any] | None = None
        self.map_location: str | None = None
        self.explain = False
        self.target = 0
        self.profiler_args: dict[str, Any] = {}
        self.model_yaml_config: dict[str, Any] = {}

    def initialize(self, context: Any) -> None:
        """Loads the archive's model: TorchScript, torch.export (.pt2), or the class of a model file with its state dict."""
        self.context = context
        self.manifest = context.manifest
        self.model_yaml_config = getattr(context, "model_yaml_config", None) or {}
        properties = context.system_properties
        on_gpu = torch.cuda.is_available() and properties.get("gpu_id") is not None
        self.map_location = "cuda" if on_gpu else "cpu"
        self.device = torch.device(f"cuda:{properties['gpu_id']}" if on_gpu else "cpu")
        model_dir = properties["model_dir"]
        model = self.manifest["model"]
        serialized = model.get("serializedFile")
        self.model_pt_path = os.path.join(model_dir, serialized) if serialized else None
        if model.get("modelFile"):
            self.model = self._load_pickled_model(model_dir, model["modelFile"], self.model_pt_path)
        else:
            self.model = self._load_program(self.model_pt_path)
        self.mapping = load_label_mapping(os.path.join(model_dir, "index_to_name.json"))
        self.initialized = True

    def _load_program(self, path: str | None) -> Any:
        if path is None:
            raise ValueError("the archive has neither a serializedFile nor a modelFile, so there is no model to load")
        if path.endswith(".pt2"):
            return torch.export.load(path).module().to(self.device)
        if not path.endswith((".pt", ".pth")):
            raise ValueError(f"{os.path.basename(path)} cannot be loaded without a handler of its own: expected TorchScript (.pt) or torch.export (.pt2)")
        return self._load_torchscript_model(path).eval()

    def _load_torchscript_model(self, model_pt_path: str) -> Any:
        return torch.jit.load(model_pt_path, map_location=self.device)

    def _load_pickled_model(self, model_dir: str, model_file: str, model_pt_path: str | None) -> Any:
        """The only class of the model file, with the weights of a state dict."""
        if not os.path.isfile(os.path.join(model_dir, model_file)):
            raise ValueError(f"the archive has no {model_file}, which its manifest names as modelFile")
        classes = list_classes_from_module(importlib.import_module(model_file.partition(".")[0]))
        if len(classes) != 1:
            names = ", ".join(each.__name__ for each in classes) or "none"
            raise ValueError(f"{model_file} must have exactly one class, the model; it has {names}")
        model = classes[0]()
        if model_pt_path:
            model.load_state_dict(load_weights(model_pt_path, self.device))
        return model.to(self.device).eval()

    @timed
    def preprocess(self, data: list[Any]) -> Any:
        """Requests as what the model takes: here, a tensor of numbers."""
        return torch.as_tensor(data, device=self.device)

    @timed
    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """What the model answers."""
        with torch.inference_mode():
            return self.model(data.to(self.device), *args, **kwargs)

    @timed
    def postprocess(self, data: Any) -> list[Any]:
        """The model's answer as a list with one entry for each request."""
        return data.tolist()

    def handle(self, data: list[Any], context: Any) -> list[Any]:
        """Answers a call: one entry for each request."""
        started = time.perf_counter()
        self.context = context
        if self._is_describe():
            answers = [self.describe_handle()]
        else:
            prepared = self.preprocess(data)
            answers = self.explain_handle(prepared, data) if self._is_explain() else self.postprocess(self.inference(prepared))
        context.metrics.add_time("HandlerTime", round((time.perf_counter() - started) * 1000, 2), None, "ms")
        return answers

    def explain_handle(self, data_preprocess: Any, raw_data: list[Any]) -> Any:
        """What `get_insights` says of the first request, whose `target` names the class to explain."""
        row = raw_data[0]
        inputs, target = None, 0
        if isinstance(row, dict):
            inputs = row.get("data") or row.get("body")
            target = row.get("target") or 0
        return self.get_insights(data_preprocess, inputs, target)

    def get_insights(self, *args: Any, **kwargs: Any) -> Any:
        """Explanations; a handler that gives some has this method."""
        raise PredictionException(f"{type(self).__name__} gives no explanations: it has no get_insights", 501)

    def describe_handle(self) -> Any:
        """What a handler tells of itself when a client asks for customized metadata."""
        return None

    def get_device(self) -> Any:
        return self.device

    def _is_explain(self) -> bool:
        return self._has_header("explain")

    def _is_describe(self) -> bool:
        return self._has_header("describe")

    def _has_header(self, name: str) -> bool:
        return bool(self.context) and self.context.get_request_header(0, name) == "True"
