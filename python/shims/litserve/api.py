"""A model in four verbs: decode_request, predict, encode_response, and setup before all."""

from __future__ import annotations

from typing import Any


class LitAPI:
    def __init__(
        self,
        max_batch_size: int = 1,
        batch_timeout: float = 0.0,
        api_path: str = "/predict",
        stream: bool = False,
        loop: Any = "auto",
        spec: Any = None,
        mcp: Any = None,
        enable_async: bool = False,
    ) -> None:
        if max_batch_size <= 0:
            raise ValueError("max_batch_size must be greater than 0")
        if batch_timeout < 0:
            raise ValueError("batch_timeout must be greater than or equal to 0")
        if not api_path.startswith("/"):
            raise ValueError("api_path must start with '/'")
        self.max_batch_size = max_batch_size
        self.batch_timeout = batch_timeout
        self.api_path = api_path
        self.stream = stream
        self.loop = loop
        self.spec = spec
        self.enable_async = enable_async

    # Classes that do not call the constructor of their base have these all the same.
    max_batch_size = 1
    batch_timeout = 0.0
    api_path = "/predict"
    stream = False
    spec: Any = None
    device: str | None = None

    def pre_setup(self, spec: Any = None) -> None:
        """Nothing: the default of `unbatch` needs no preparation."""

    def setup(self, device: str) -> None:
        """Loads the model."""

    def decode_request(self, request: Any) -> Any:
        return request

    def batch(self, inputs: list[Any]) -> Any:
        """Arrays and tensors are stacked."""
        first = inputs[0]
        if hasattr(first, "__torch_function__"):
            import torch

            return torch.stack(inputs)
        if type(first).__name__ == "ndarray":
            import numpy

            return numpy.stack(inputs)
        return inputs

    def predict(self, x: Any) -> Any:
        raise NotImplementedError("predict is not implemented")

    def unbatch(self, output: Any) -> Any:
        return map(list, output) if self.stream else list(output)

    def encode_response(self, output: Any) -> Any:
        return output

    def health(self) -> bool:
        return True

    def log(self, key: str, value: Any) -> None:
        print(f"{key}: {value}")
