"""The answer to one request: tensors, or an error."""

from __future__ import annotations

from typing import Any, Sequence

from triton_python_backend_utils.errors import TritonError, TritonModelException
from triton_python_backend_utils.parameters import checked_parameters, parameters_json
from triton_python_backend_utils.tensor import Tensor


class InferenceResponse:
    __slots__ = ("_error", "_output_tensors", "_parameters")

    def __init__(self, output_tensors: Sequence[Tensor] = (), error: TritonError | None = None, parameters: dict[str, Any] | None = None) -> None:
        for tensor in output_tensors:
            if not isinstance(tensor, Tensor):
                if tensor is None:
                    raise TritonModelException("Output tensor for inference response should not be empty.")
                raise TypeError(f"output_tensors holds {type(tensor).__name__}, expected pb_utils.Tensor")
        if error is not None and not isinstance(error, TritonError):
            raise TypeError(f"error is {type(error).__name__}, expected pb_utils.TritonError")
        self._output_tensors = list(output_tensors)
        self._error = error
        self._parameters = checked_parameters(parameters)

    def output_tensors(self) -> list[Tensor]:
        return self._output_tensors

    def has_error(self) -> bool:
        return self._error is not None

    def error(self) -> TritonError | None:
        return self._error

    def parameters(self) -> str:
        return parameters_json(self._parameters)
