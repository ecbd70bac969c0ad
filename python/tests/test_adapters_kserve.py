"""Models of KServe's Python SDK. The same tests pass with the real package installed and with ours, which stands in for it."""

from __future__ import annotations

import numpy
from support import HostTest

IMPORTS = """
import argparse
from typing import Dict, Union
import numpy as np
import kserve
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput
from kserve.utils.utils import generate_uuid, get_predict_input, get_predict_response
"""

# As in KServe's documentation of custom predictors, with a smaller network.
PREDICTOR = (
    IMPORTS
    + """
class AlexNetModel(Model):
    def __init__(self, name: str, factor: float):
        super().__init__(name, return_response_headers=True)
        self.name = name
        self.factor = factor
        self.ready = False

    def load(self):
        self.model = lambda rows: np.asarray(rows).sum(axis=1) * self.factor
        self.ready = True

    async def preprocess(self, payload: Union[Dict, InferRequest], headers: Dict[str, str] = None):
        if isinstance(payload, InferRequest):
            return payload.inputs[0].as_numpy()
        if any(len(row) != 2 for row in payload["instances"]):
            raise InvalidInput("two numbers for each row, please")
        return payload["instances"]

    async def predict(self, input_tensor, headers: Dict[str, str] = None, response_headers: Dict[str, str] = None):
        response_headers.update({"my-header": "value"})
        return self.model(input_tensor)

    def postprocess(self, result, headers=None, response_headers=None):
        outputs = InferOutput(name="output-0", shape=list(result.shape), datatype="FP64", data=result.tolist())
        return InferResponse(model_name=self.name, infer_outputs=[outputs], response_id=generate_uuid())

parser = argparse.ArgumentParser(parents=[model_server.parser])
parser.add_argument("--model_dir", required=True)
parser.add_argument("--factor", type=float, default=1.0)
args, _ = parser.parse_known_args()

if __name__ == "__main__":
    if args.configure_logging:
        kserve.logging.configure_logging(args.log_config_file)
    model = AlexNetModel(args.model_name, args.factor)
    model.load()
    ModelServer().start([model])
"""
)


class KServe(HostTest):
    def test_a_predictor_as_documented_with_its_own_argument(self) -> None:
        example = self.write("example.json", '{"instances":[[1,2]]}')
        method = self.ready("python", self.write("model.py", PREDICTOR), example, settings={"factor": "10"})
        self.assertEqual((method["accepts"], method["streaming"]), ("json", False))
        self.assertEqual(method["outputs"], [{"name": "output-0", "datatype": "FP64", "shape": [-1]}])
        self.assertEqual(self.description["framework"], "kserve")
        self.assertEqual(list(self.description["methods"]), ["predict"])
        self.assertIn("response headers", self.description["warnings"][0])
        self.assertEqual(self.answer("tensors", {"x": numpy.array([[1.0, 2], [3, 4]])})["output-0"].tolist(), [30, 70])
        self.assertEqual(self.answer("rows", [[1, 2], [3, 4]])["output-0"].tolist(), [30, 70])
        error = self.error("rows", [[1]])
        self.assertEqual((error["code"], error["message"]), ("INVALID_ARGUMENT", "two numbers for each row, please"))

    def test_v1_bodies_and_explanations_are_what_the_model_makes_them(self) -> None:
        path = self.write(
            "model.py",
            IMPORTS
            + """
class Plain(kserve.Model):
    def load(self):
        self.ready = True
        return self.ready

    def predict(self, payload, headers=None):
        return {"predictions": [sum(row) for row in payload["instances"]], "asked": payload.get("parameters")}

    def explain(self, payload, headers=None):
        return {"explanations": payload["instances"]}
""",
        )
        self.ready("python", path)
        self.assertEqual(sorted(self.description["methods"]), ["explain", "predict"])
        self.assertEqual(self.answer("rows", [[1, 2]], parameters={"depth": 3}), {"predictions": [3], "asked": {"depth": 3}})
        self.assertEqual(self.answer("rows", [[1, 2]], method="explain"), {"explanations": [[1, 2]]})

    def test_helpers_turn_requests_into_arrays_and_answers_back(self) -> None:
        path = self.write(
            "model.py",
            IMPORTS
            + """
class Helped(Model):
    def predict(self, payload, headers=None):
        result = get_predict_input(payload)
        return get_predict_response(payload, result if isinstance(result, list) else result * 2, self.name)
""",
        )
        self.ready("python", path)
        self.assertEqual(self.answer("rows", [[1, 2]]), {"predictions": [[2, 4]]})
        self.assertEqual(self.answer("tensors", {"x": numpy.array([1.5])})["output-0"].tolist(), [3])
        self.assertEqual(self.answer("tensors", {"x": numpy.array(["a", "b"], object)})["output-0"].tolist(), ["a", "b"])
        frame = self.answer("tensors", {"a": numpy.array([1.0, 2]), "b": numpy.array([3, 4])}, parameters={"content_type": "pd"})
        self.assertEqual({name: array.tolist() for name, array in frame.items()}, {"a": [2, 4], "b": [6, 8]})

    def test_inputs_are_what_kserve_reads_from_json(self) -> None:
        path = self.write(
            "model.py",
            IMPORTS
            + """
class Reader(Model):
    def get_input_types(self):
        return [{"name": "x", "datatype": "INT64", "shape": [-1, 2]}]

    def predict(self, payload, headers=None):
        first = payload.inputs[0]
        assert payload.get_input_by_name("x") is first
        return [type(first.data).__name__, str(first.data), str(first.shape), first.datatype, first.as_numpy().dtype.name, payload.model_name]
""",
        )
        method = self.ready("python", path)
        self.assertEqual(method["inputs"], [{"name": "x", "datatype": "INT64", "shape": [-1, 2]}])
        answer = self.answer("tensors", {"x": numpy.array([[1, 2]])})["output-0"].tolist()
        self.assertEqual(answer, ["list", "[1, 2]", "[1, 2]", "INT64", "int64", "test"])

    def test_generators_stream(self) -> None:
        path = self.write(
            "model.py",
            IMPORTS
            + """
class Counter(Model):
    async def predict(self, payload, headers=None):
        for number in range(payload["instances"][0]):
            yield {"token": number}

ModelServer().start([Counter("counter")])
""",
        )
        method = self.ready("python", path)
        self.assertTrue(method["streaming"])
        self.assertEqual(self.chunks("rows", [3]), [{"token": 0}, {"token": 1}, {"token": 2}])

    def test_times_and_streamed_bytes_are_text(self) -> None:
        model = """
import datetime
WHEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)

class Times(Model):
    def load(self):
        self.ready = True

    async def predict(self, payload, headers=None):
        if isinstance(payload, InferRequest):
            output = InferOutput(name="when", shape=[1], datatype="BYTES", data=[WHEN])
            return InferResponse(model_name=self.name, infer_outputs=[output], response_id="1")
        async def pieces():
            for piece in ("so", "me"):
                yield piece.encode()
        return pieces() if payload["instances"] == ["bytes"] else {"predictions": [WHEN, WHEN.date()]}
"""
        self.ready("python", self.write("model.py", IMPORTS + model))
        self.assertEqual(self.answer("rows", ["times"]), {"predictions": ["2026-01-02T03:04:05+00:00", "2026-01-02"]})
        self.assertEqual(self.answer("rows", ["bytes"]), ["so", "me"])
        self.assertEqual(self.answer("tensors", {"x": numpy.array([1])})["when"].tolist(), ["2026-01-02T03:04:05+00:00"])

    def test_what_cannot_be_served_says_why(self) -> None:
        never = IMPORTS + "class Never(Model):\n    def load(self):\n        return False\n"
        two = IMPORTS + "class A(Model): pass\nclass B(Model): pass\n"
        named = IMPORTS + "class A(Model): pass\nModelServer().start([A('x'), A('y')])\n"
        more = IMPORTS + "class A(Model):\n    def __init__(self, name, host): super().__init__(name)\n"
        broken = IMPORTS + "class A(Model):\n    def load(self): raise KeyError('weights')\n"
        strict = IMPORTS + "class A(Model): pass\nif __name__ == '__main__':\n    raise SystemExit(2)\n"
        cases = [
            (never, "FAILED_PRECONDITION", "load() has to set self.ready"),
            (two, "INVALID_ARGUMENT", "several classes that derive from kserve.Model (A, B)"),
            (named, "INVALID_ARGUMENT", "starts several models (x, y) and none is called test"),
            (more, "INVALID_ARGUMENT", "cannot be made from a name alone"),
            (broken, "INTERNAL", "load failed: KeyError: 'weights'"),
            (strict, "INVALID_ARGUMENT", "ended itself with status 2"),
        ]
        for text, code, message in cases:
            with self.subTest(message):
                meta = self.load("python", self.write("model.py", text)).meta
                self.assertEqual(meta.get("code"), code, meta)
                self.assertIn(message, meta["message"])
        self.ready("python", self.write("model.py", IMPORTS + "class A(Model): pass\n"))
        self.assertEqual(self.error("rows", [1])["code"], "UNIMPLEMENTED")

    def test_another_class_beside_an_import_of_kserve_is_a_custom_model(self) -> None:
        self.ready("python", self.write("model.py", "try:\n    import kserve\nexcept ImportError:\n    pass\nclass Model:\n    def predict(self, x):\n        return x\n"))
        self.assertEqual(self.description["framework"], "python")
