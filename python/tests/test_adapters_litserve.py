"""Models of LitServe. The same tests pass with the real package installed and with ours, which stands in for it."""

from __future__ import annotations

import numpy
from support import HostTest

# As in LitServe's documentation.
SIMPLE = """
import litserve as ls

class SimpleLitAPI(ls.LitAPI):
    def setup(self, device):
        self.model1 = lambda x: x**2
        self.model2 = lambda x: x**3
        assert device == "cpu" and self.device == "cpu"

    def decode_request(self, request):
        return request["input"]

    def predict(self, x):
        return {"output": self.model1(x) + self.model2(x)}

    def encode_response(self, output):
        return {"output": output["output"]}

if __name__ == "__main__":
    server = ls.LitServer(SimpleLitAPI(), accelerator="cpu", max_batch_size=1)
    server.run(port=8000)
"""

BATCHED = """
import numpy as np
from litserve import LitAPI, LitServer

class Batched(LitAPI):
    def setup(self, device):
        self.sizes = []

    def decode_request(self, request, context):
        context["name"] = request.get("name", "nobody")
        return np.asarray(request["input"])

    def predict(self, x):
        self.sizes.append(len(x))
        return x ** 2

    def encode_response(self, output, context):
        return {"output": float(output), "name": context["name"], "calls": len(self.sizes)}

if __name__ == "__main__":
    LitServer(Batched(max_batch_size=2, batch_timeout=0.01), accelerator="cpu").run()
"""

STREAMING = """
import litserve as ls

class Streaming(ls.LitAPI):
    def setup(self, device):
        self.model = lambda x, y: f"{x}: {y}"

    def decode_request(self, request):
        return request["input"]

    def predict(self, x):
        for i in range(3):
            yield self.model(i, x)

    def encode_response(self, output_stream):
        for output in output_stream:
            yield {"output": output}

if __name__ == "__main__":
    ls.LitServer(Streaming(stream=True), accelerator="cpu").run(port=8000)
"""


class LitServe(HostTest):
    def test_four_verbs_as_documented(self) -> None:
        method = self.ready("python", self.write("model.py", SIMPLE), self.write("example.json", '{"instances":[{"input":4.0}]}'))
        self.assertEqual((self.description["framework"], list(self.description["methods"])), ("litserve", ["predict"]))
        self.assertEqual((method["batchable"], method["streaming"]), (False, False))
        self.assertEqual(self.answer("rows", [{"input": 4.0}, {"input": 1}]), [{"output": 80.0}, {"output": 2}])
        self.assertEqual(self.answer("columns", {"input": 4.0}), {"output": 80.0})
        self.assertEqual(self.answer("tensors", {"input": numpy.array([4.0, 1])})["output"].tolist(), [80, 2])
        self.assertIn("KeyError", self.error("rows", [{"wrong": 1}])["message"])

    def test_batches_have_the_size_that_the_model_asks_for(self) -> None:
        method = self.ready("python", self.write("model.py", BATCHED))
        self.assertTrue(method["batchable"])
        answer = self.answer("rows", [{"input": 1, "name": "a"}, {"input": 2}, {"input": 3}])
        self.assertEqual([each["output"] for each in answer], [1, 4, 9])
        self.assertEqual([each["name"] for each in answer], ["a", "nobody", "nobody"])
        self.assertEqual([each["calls"] for each in answer], [1, 1, 2])
        tensors = self.answer("tensors", {"input": numpy.array([1.0, 2, 3])})
        self.assertEqual(tensors["output"].tolist(), [1, 4, 9])
        error = self.error("tensors", {"input": numpy.zeros(2), "name": numpy.array(["a"], object)})
        self.assertIn("first dimension ('input' 2, 'name' 1)", error["message"])

    def test_streams(self) -> None:
        method = self.ready("python", self.write("model.py", STREAMING))
        self.assertTrue(method["streaming"])
        self.assertEqual(self.chunks("rows", [{"input": "hi"}]), [{"output": "0: hi"}, {"output": "1: hi"}, {"output": "2: hi"}])
        self.assertIn("one request; 2 rows", self.error("rows", [{"input": "a"}, {"input": "b"}], credit=1)["message"])

    def test_streams_of_a_model_that_batches(self) -> None:
        text = STREAMING.replace("yield self.model(i, x)", "yield [self.model(i, each) for each in x]").replace(
            'yield {"output": output}', 'yield [{"output": each} for each in output]'
        )
        self.ready("python", self.write("model.py", text.replace("stream=True", "stream=True, max_batch_size=4")))
        self.assertEqual(self.chunks("rows", [{"input": "hi"}])[2], {"output": "2: hi"})

    def test_asynchronous_verbs(self) -> None:
        text = """
import asyncio
import litserve as ls

class Later(ls.LitAPI):
    async def setup(self, device):
        self.lock = asyncio.Lock()

    async def decode_request(self, request):
        return request["input"]

    async def predict(self, x):
        async with self.lock:
            await asyncio.sleep(0)
            return x + 1

    async def encode_response(self, output):
        return {"output": output}
"""
        self.ready("python", self.write("model.py", text))
        self.assertEqual(self.answer("rows", [{"input": 1}]), [{"output": 2}])

    def test_several_apis_are_methods(self) -> None:
        text = SIMPLE.replace("ls.LitServer(SimpleLitAPI()", "ls.LitServer([SimpleLitAPI(), Other(api_path='/other')]").replace(", max_batch_size=1", "")
        other = "class Other(ls.LitAPI):\n    def predict(self, x):\n        return 'other'\n\nif __name__"
        self.ready("python", self.write("model.py", text.replace("if __name__", other)))
        self.assertEqual(list(self.description["methods"]), ["predict", "other"])
        self.assertEqual(self.answer("rows", [{}], method="other"), ["other"])

    def test_what_cannot_be_served_says_why(self) -> None:
        cases = [
            ("import litserve as ls\nclass A(ls.LitAPI):\n    def setup(self, device): raise OSError('no weights')\n", "setup failed: OSError: no weights"),
            ("import litserve as ls\nclass A(ls.LitAPI):\n    def __init__(self, path): super().__init__()\n", "cannot be made without arguments"),
            ("import litserve as ls\nx = ls.LitAPI()\n", "no class that derives from litserve.LitAPI"),
        ]
        for text, message in cases:
            with self.subTest(message):
                self.assertIn(message, self.load("python", self.write("model.py", text)).meta["message"])
