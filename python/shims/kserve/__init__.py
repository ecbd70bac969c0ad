"""
Stands in for KServe's Python SDK where a model's environment has not the real one: the names and methods that KServe documents for
custom models (https://kserve.github.io/website/docs/model-serving/predictive-inference/frameworks/custom-predictor). The server is
nitrous, so ModelServer starts nothing of its own.
"""

from kserve import logging, model_server
from kserve.model import Model
from kserve.model_server import ModelServer
from kserve.protocol.infer_type import InferInput, InferOutput, InferRequest, InferResponse

__all__ = ["InferInput", "InferOutput", "InferRequest", "InferResponse", "Model", "ModelServer", "logging", "model_server"]
