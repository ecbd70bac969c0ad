"""Models for Triton's Python backend in a host that a test asks."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import numpy

from nitrous_host import frames
from nitrous_host.requests import read_requests, write_outputs
from support import HostTest


HEAD = """
import json
import threading
import numpy as np
import triton_python_backend_utils as pb_utils
"""


def tensor(name: str, data_type: str, dims: list[int], **more: Any) -> dict[str, Any]:
    return {"name": name, "data_type": data_type, "dims": dims, **more}


class TritonTest(HostTest):
    def triton(self, code: str, **configuration: Any) -> frames.Frame:
        """The frame that ends the load of a model; its module has a name of its own, as all tests share a process."""
        self.loads = getattr(self, "loads", 0) + 1
        version = f"{type(self).__name__}_{self._testMethodName}_{self.loads}"
        file = self.folder / version / "model.py"
        file.parent.mkdir()
        file.write_text(HEAD + dedent(code))
        configuration = {
            "name": "test",
            "max_batch_size": 8,
            "input": [tensor("IN", "TYPE_INT32", [-1])],
            "output": [tensor("OUT", "TYPE_INT32", [-1])],
            **configuration,
        }
        frame = self.load("triton-python", file, code=True, configuration=configuration, instance="test_0_0")
        if frame.type == frames.READY:
            self.handle = frame.stream
            self.description = frame.meta["description"]
        return frame

    def served(self, code: str, **configuration: Any) -> dict[str, Any]:
        frame = self.triton(code, **configuration)
        self.assertEqual(frame.type, frames.READY, frame.meta)
        return self.description["methods"]["predict"]

    def ask(self, *requests: dict[str, Any]) -> int:
        """Several requests in one call: each has inputs by name, and perhaps what else is said of it."""
        outputs = [(name, array, None) for request in requests for name, array in request["inputs"].items()]
        meta, blobs = write_outputs(outputs)
        told = [{**request, "inputs": None, "tensors": len(request["inputs"])} for request in requests]
        return self.open(frames.INFER, {"model": self.handle, "method": "predict", "requests": told, **meta}, blobs)

    def answers(self, *requests: dict[str, Any]) -> list[Any]:
        """For each request its outputs by name, or its error."""
        self.ask(*requests)
        return self.result(self.receive())

    def result(self, frame: frames.Frame) -> list[Any]:
        self.assertEqual(frame.type, frames.RESULT, frame.meta)
        arrays = iter(outputs_of(frame))
        return [each["error"] if "error" in each else dict(next(arrays) for _ in range(each["tensors"])) for each in frame.meta["answers"]]


def outputs_of(frame: frames.Frame) -> list[tuple[str, Any]]:
    (request,) = read_requests({"tensors": frame.meta["tensors"]}, frame.body, lambda _: lambda: False)
    return [(name, array.tolist()) for name, _, array in request.inputs]


def one(*values: int, **more: Any) -> dict[str, Any]:
    return {"inputs": {"IN": numpy.array([values], numpy.int32)}, **more}


DOUBLE = """
class TritonPythonModel:
    def execute(self, requests):
        self.calls = getattr(self, "calls", 0) + 1
        responses = []
        for request in requests:
            array = pb_utils.get_input_tensor_by_name(request, "IN").as_numpy()
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("OUT", array * 2), pb_utils.Tensor("CALLS", np.array([self.calls]))]))
        return responses
"""

DECOUPLED = {"model_transaction_policy": {"decoupled": True}}
