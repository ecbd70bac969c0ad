"""
Stands in for MLServer where a model's environment has not the real package: the names and methods that MLServer documents for custom
runtimes (https://mlserver.readthedocs.io/en/latest/user-guide/custom.html). The server is nitrous.
"""

from mlserver.metrics import log, register
from mlserver.model import MLModel
from mlserver.settings import ModelParameters, ModelSettings

__all__ = ["MLModel", "ModelParameters", "ModelSettings", "log", "register"]
