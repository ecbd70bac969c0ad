"""Models of MLServer. The same tests pass with the real package installed and with ours, which stands in for it."""

from __future__ import annotations

import json

import numpy
from support import HostTest

# As in MLServer's documentation of custom runtimes.
IMPORTS = """
from typing import AsyncIterator, List, Optional
import numpy as np
import pandas as pd
from mlserver import MLModel, ModelSettings
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec, decode_args
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, RequestOutput, ResponseOutput
from mlserver.utils import get_model_uri
"""

SUM = (
    IMPORTS
    + """
class SumModel(MLModel):
    async def load(self) -> bool:
        path = await get_model_uri(self._settings, wellknown_filenames=["weights.txt"])
        self.weight = float(np.loadtxt(path)) * self._settings.parameters.extra.get("factor", 1)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        decoded = self.decode(payload.inputs[0], default_codec=NumpyCodec)
        if decoded.ndim != 2:
            raise InferenceError("rows, please")
        total = decoded.sum(axis=1, keepdims=True) * self.weight
        return InferenceResponse(
            id=payload.id,
            model_name=self.name,
            model_version=self.version,
            outputs=[NumpyCodec.encode_output("total", total)],
        )
"""
)


class MLServer(HostTest):
    def folder_of(self, text: str, **settings: object):
        self.write("models.py", text)
        return self.write("model-settings.json", json.dumps({"name": "sum-model", **settings}))

    def test_a_runtime_with_settings_as_documented(self) -> None:
        self.write("weights.txt", "10")
        parameters = {"uri": "./weights.txt", "version": "v0.1.0", "extra": {"factor": 2}}
        inputs = [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]
        file = self.folder_of(SUM, implementation="models.SumModel", parameters=parameters, max_batch_size=8, max_batch_time=0.5, inputs=inputs)
        method = self.ready("python", file, self.write("example.json", '{"instances":[[1,2]]}'))
        self.assertEqual((self.description["framework"], method["batchable"], method["inputs"]), ("mlserver", True, inputs))
        self.assertEqual(method["outputs"], [{"name": "total", "datatype": "FP64", "shape": [-1, 1]}])
        self.assertEqual(self.answer("tensors", {"x": numpy.array([[1.0, 2], [3, 4]])})["total"].tolist(), [[60], [140]])
        self.assertEqual(self.answer("rows", [[1, 2]])["total"].tolist(), [[60]])
        error = self.error("tensors", {"x": numpy.array([1.0])})
        self.assertEqual((error["code"], error["message"]), ("INVALID_ARGUMENT", "rows, please"))
        self.assertEqual(self.error("rows", [[1], [1, 2]])["code"], "INVALID_ARGUMENT")

    def test_codecs(self) -> None:
        text = (
            IMPORTS
            + """
class Codecs(MLModel):
    async def predict(self, payload):
        kind = (payload.parameters.content_type if payload.parameters else None) or "none"
        if kind == "pd":
            return PandasCodec.encode_response(self.name, self.decode_request(payload) * 2, self.version)
        if payload.inputs[0].datatype == "BYTES":
            texts = self.decode(payload.inputs[0], default_codec=StringCodec)
            return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("texts", [each.upper() for each in texts])])
        decoded = self.decode_request(payload, default_codec=NumpyRequestCodec)
        output = self.encode(decoded + 1, RequestOutput(name="more"))
        response = self.encode_response(decoded + 1)
        assert response.outputs[0].data == output.data and list(output.data) == (decoded + 1).reshape(-1).tolist()
        return InferenceResponse(model_name=self.name, outputs=[output])
"""
        )
        self.ready("python", self.folder_of(text, implementation="models.Codecs"))
        self.assertEqual(self.answer("tensors", {"x": numpy.array([[1, 2]], "i4")})["more"].tolist(), [[2, 3]])
        self.assertEqual(self.answer("tensors", {"t": numpy.array(["a", "ü"], object)})["texts"].tolist(), [["A"], ["Ü"]])
        frame = self.answer("tensors", {"a": numpy.array([1.0, 2]), "b": numpy.array([3, 4])}, parameters={"content_type": "pd"})
        self.assertEqual({name: array.tolist() for name, array in frame.items()}, {"a": [[2], [4]], "b": [[6], [8]]})

    def test_decoded_arguments(self) -> None:
        text = (
            IMPORTS
            + """
class Decoded(MLModel):
    @decode_args
    async def predict(self, questions: List[str], context: Optional[np.ndarray] = None) -> np.ndarray:
        return np.array([len(each) for each in questions]) + (0 if context is None else context.sum())
"""
        )
        self.ready("python", self.write("model.py", text))
        self.assertEqual(self.answer("tensors", {"questions": numpy.array(["a", "bcd"], object)})["output-0"].tolist(), [[1], [3]])
        both = {"questions": numpy.array(["a"], object), "context": numpy.array([[1.0, 2]])}
        self.assertEqual(self.answer("tensors", both)["output-0"].tolist(), [[4.0]])

    def test_streams(self) -> None:
        text = (
            IMPORTS
            + """
class Tokens(MLModel):
    async def predict_stream(self, payloads: AsyncIterator[InferenceRequest]) -> AsyncIterator[InferenceResponse]:
        async for payload in payloads:
            for word in StringCodec.decode_input(payload.inputs[0])[0].split():
                yield InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("word", [word])])
"""
        )
        self.ready("python", self.folder_of(text, implementation="models.Tokens"))
        self.assertTrue(self.description["methods"]["predict_stream"]["streaming"])
        chunks = self.chunks("tensors", {"x": numpy.array(["a b"], object)}, method="predict_stream")
        self.assertEqual([chunk["word"].tolist() for chunk in chunks], [[["a"]], [["b"]]])
        self.assertEqual(self.error("tensors", {"x": numpy.array([1.0])})["code"], "UNIMPLEMENTED")

    def test_what_cannot_be_served_says_why(self) -> None:
        not_ready = IMPORTS + "class Not(MLModel):\n    async def load(self):\n        return False\n"
        cases = [
            (not_ready, {"implementation": "models.Not"}, "FAILED_PRECONDITION", "load() has to return True"),
            (not_ready, {"implementation": "models.Other"}, "INVALID_ARGUMENT", "the implementation models.Other in model-settings.json is not there"),
            (not_ready, {"implementation": "models.np"}, "INVALID_ARGUMENT", "does not derive from mlserver.MLModel"),
            (not_ready, {"implementation": "not_here.Model"}, "FAILED_PRECONDITION", "not_here"),
            (not_ready, {}, "INVALID_ARGUMENT", "model-settings.json cannot be used"),
            (SUM, {"implementation": "models.SumModel", "parameters": {"uri": "./nothing"}}, "INTERNAL", "load failed: InvalidModelURI"),
        ]
        for text, settings, code, message in cases:
            with self.subTest(message):
                meta = self.load("python", self.folder_of(text, **settings)).meta
                self.assertEqual(meta.get("code"), code, meta)
                self.assertIn(message, meta["message"])
