"""The responses of a model that may send any number of them."""

from __future__ import annotations

from typing import Callable, Iterator

from triton_python_backend_utils.inference_response import InferenceResponse


class ResponseIterator:
    def __init__(self, responses: Iterator[InferenceResponse], cancel: Callable[[], None]) -> None:
        self._responses = responses
        self._cancel = cancel

    def __iter__(self) -> ResponseIterator:
        return self

    def __next__(self) -> InferenceResponse:
        return next(self._responses)

    def cancel(self) -> None:
        """The other model is told that nobody waits; what it has sent still comes."""
        self._cancel()
