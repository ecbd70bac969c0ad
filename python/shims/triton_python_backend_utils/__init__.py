"""
What model.py files of Triton's Python backend import: the names and methods that its documentation has
(https://github.com/triton-inference-server/python_backend). The server is nitrous, and tensors are always in the memory of the CPU.
"""

from triton_python_backend_utils.byte_tensors import deserialize_bytes_tensor, serialize_byte_tensor
from triton_python_backend_utils.constants import (
    TRITONSERVER_REQUEST_FLAG_SEQUENCE_END,
    TRITONSERVER_REQUEST_FLAG_SEQUENCE_START,
    TRITONSERVER_REQUEST_RELEASE_ALL,
    TRITONSERVER_REQUEST_RELEASE_RESCHEDULE,
    TRITONSERVER_RESPONSE_COMPLETE_FINAL,
)
from triton_python_backend_utils.datatypes import TRITON_STRING_TO_NUMPY, numpy_to_triton_type, triton_string_to_numpy, triton_to_numpy_type
from triton_python_backend_utils.errors import TritonError, TritonModelException
from triton_python_backend_utils.inference_request import InferenceRequest
from triton_python_backend_utils.inference_response import InferenceResponse
from triton_python_backend_utils.inference_trace import InferenceTrace
from triton_python_backend_utils.logger import Logger, LogLevel
from triton_python_backend_utils.lookup import (
    get_input_config_by_name,
    get_input_tensor_by_name,
    get_output_config_by_name,
    get_output_tensor_by_name,
    using_decoupled_model_transaction_policy,
)
from triton_python_backend_utils.metrics import Metric, MetricFamily, MetricKind
from triton_python_backend_utils.model_config import ModelConfig
from triton_python_backend_utils.model_control import get_model_dir, is_model_ready, load_model, unload_model
from triton_python_backend_utils.preferred_memory import MemoryType, PreferredMemory
from triton_python_backend_utils.response_iterator import ResponseIterator
from triton_python_backend_utils.response_sender import InferenceResponseSender
from triton_python_backend_utils.tensor import Tensor

TRITONSERVER_MEMORY_GPU = MemoryType.TRITONSERVER_MEMORY_GPU
TRITONSERVER_MEMORY_CPU = MemoryType.TRITONSERVER_MEMORY_CPU

__all__ = [
    "TRITONSERVER_MEMORY_CPU",
    "TRITONSERVER_MEMORY_GPU",
    "TRITONSERVER_REQUEST_FLAG_SEQUENCE_END",
    "TRITONSERVER_REQUEST_FLAG_SEQUENCE_START",
    "TRITONSERVER_REQUEST_RELEASE_ALL",
    "TRITONSERVER_REQUEST_RELEASE_RESCHEDULE",
    "TRITONSERVER_RESPONSE_COMPLETE_FINAL",
    "TRITON_STRING_TO_NUMPY",
    "InferenceRequest",
    "InferenceResponse",
    "InferenceResponseSender",
    "InferenceTrace",
    "LogLevel",
    "Logger",
    "MemoryType",
    "Metric",
    "MetricFamily",
    "MetricKind",
    "ModelConfig",
    "PreferredMemory",
    "ResponseIterator",
    "Tensor",
    "TritonError",
    "TritonModelException",
    "deserialize_bytes_tensor",
    "get_input_config_by_name",
    "get_input_tensor_by_name",
    "get_model_dir",
    "get_output_config_by_name",
    "get_output_tensor_by_name",
    "is_model_ready",
    "load_model",
    "numpy_to_triton_type",
    "serialize_byte_tensor",
    "triton_string_to_numpy",
    "triton_to_numpy_type",
    "unload_model",
    "using_decoupled_model_transaction_policy",
]
