"""Sends responses whenever the model likes, also after `execute` has returned."""

from __future__ import annotations

import threading
from typing import Any, Callable

from triton_python_backend_utils.constants import TRITONSERVER_RESPONSE_COMPLETE_FINAL
from triton_python_backend_utils.errors import TritonModelException
from triton_python_backend_utils.inference_response import InferenceResponse


class InferenceResponseSender:
    """
    `deliver` takes each response, `finish` is called at the end: after the final flag, or when nobody holds the sender any more.
    """

    def __init__(self, decoupled: bool, deliver: Callable[[InferenceResponse], None], finish: Callable[[], None], cancelled: Callable[[], bool]) -> None:
        self._decoupled = decoupled
        self._deliver = deliver
        self._finish = finish
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._sent = 0
        self._closed = False

    def send(self, response: InferenceResponse | None = None, flags: int = 0) -> None:
        if flags not in (0, TRITONSERVER_RESPONSE_COMPLETE_FINAL):
            raise TritonModelException("Unable to send response. Unsupported flag provided.")
        if flags == 0 and response is None:
            raise TritonModelException("Inference Response object must be provided when the response flags is set to zero.")
        if response is not None and not isinstance(response, InferenceResponse):
            raise TypeError(f"response is {type(response).__name__}, expected pb_utils.InferenceResponse")
        with self._lock:
            self._count(response, flags)
        if response is not None:
            self._deliver(response)
        if flags == TRITONSERVER_RESPONSE_COMPLETE_FINAL:
            self._finish()

    def is_cancelled(self) -> bool:
        return self._cancelled()

    def close(self) -> None:
        """Nothing can be sent any more."""
        with self._lock:
            self._closed = True

    @property
    def closed(self) -> bool:
        return self._closed

    def _count(self, response: Any, flags: int) -> None:
        if not self._decoupled:
            if response is not None and self._sent > 0:
                raise TritonModelException("Unable to send response. Non-decoupled model cannot send more than one response.")
            if response is None and self._sent == 0:
                raise TritonModelException("Unable to send response. Non-decoupled model cannot send complete final before sending a response.")
        if self._closed:
            raise TritonModelException("Unable to send response. Response sender has been closed.")
        self._closed = flags == TRITONSERVER_RESPONSE_COMPLETE_FINAL
        self._sent += 1

    def __del__(self) -> None:
        # The collector may call this while any lock is held.
        if not getattr(self, "_closed", True):
            self._closed = True
            threading.Thread(target=self._finish, daemon=True).start()
