"""Services of BentoML. The same tests pass with the real package installed and with ours, which stands in for it."""

from __future__ import annotations

import base64
import importlib.util
import io
import unittest

import numpy
from support import HostTest

# As in BentoML's documentation.
SUMMARIZATION = """
from __future__ import annotations
import bentoml
from typing import Any, Dict, List, Optional

EXAMPLE_INPUT = "Breaking News: A cat was found"

@bentoml.service(resources={"cpu": "2"}, traffic={"timeout": 30})
class Summarization:
    def __init__(self) -> None:
        self.pipeline = lambda text, limit: text[:limit].upper()

    @bentoml.api(route="/summary")
    def summarize(self, text: str = EXAMPLE_INPUT, limit: int = 4) -> str:
        if not text:
            raise bentoml.exceptions.InvalidArgument("text, please")
        return self.pipeline(text, limit)

    @bentoml.api
    async def describe(self, text: str) -> Dict[str, Any]:
        return {"length": len(text)}
"""

CLASSIFIER = """
import bentoml
import numpy as np
import typing as t
from typing import Annotated
from bentoml.validators import DType, Shape

@bentoml.service
class Classifier:
    calls = []

    @bentoml.api(batchable=True, max_batch_size=2, max_latency_ms=100)
    def predict(self, rows: Annotated[np.ndarray, DType("float32"), Shape((-1, 2))]) -> np.ndarray:
        assert rows.dtype == np.float32
        self.calls.append(len(rows))
        return rows.sum(axis=1)

    @bentoml.api(batchable=True)
    def count(self, texts: t.List[str]) -> t.List[int]:
        return [len(text) for text in texts]

    @bentoml.api
    def seen(self, dummy: int) -> t.List[int]:
        return self.calls
"""


class BentoML(HostTest):
    def test_a_service_as_documented(self) -> None:
        method = self.ready("python", self.write("model.py", SUMMARIZATION), self.write("example.json", '{"instances":[{"text":"some text"}]}'))
        self.assertEqual((self.description["framework"], self.description["defaultMethod"]), ("bentoml", "summarize"))
        self.assertEqual(list(self.description["methods"]), ["summarize", "describe"])
        self.assertEqual([entry["name"] for entry in method["inputs"]], ["text", "limit"])
        texts = {"text": numpy.array(["some", "longer text"], object)}
        self.assertEqual(self.answer("tensors", texts)["output-0"].tolist(), ["SOME", "LONG"])
        error = self.error("tensors", {"text": numpy.array([""], object)})
        self.assertEqual((error["code"], error["message"]), ("INVALID_ARGUMENT", "text, please"))

    def test_batches_have_the_size_that_the_method_asks_for(self) -> None:
        method = self.ready("python", self.write("model.py", CLASSIFIER))
        self.assertTrue(method["batchable"])
        self.assertEqual(method["inputs"], [{"name": "rows", "datatype": "FP32", "shape": [-1, 2]}])
        answer = self.answer("tensors", {"rows": numpy.array([[1, 2], [3, 4], [5, 6]], "f4")})
        self.assertEqual(answer["output-0"].tolist(), [3, 7, 11])
        self.assertEqual(self.answer("tensors", {"dummy": numpy.array([1])}, method="seen")["output-0"].tolist(), [[2, 1]])
        counts = self.answer("tensors", {"texts": numpy.array(["a", "bcd"], object)}, method="count")
        self.assertEqual(counts["output-0"].tolist(), [1, 3])

    def test_streams_hooks_and_services_that_depend_on_others(self) -> None:
        text = """
import bentoml
from typing import AsyncGenerator

@bentoml.service
class Words:
    @bentoml.api
    def split(self, text: str) -> list:
        return text.split()

@bentoml.service
class Tokens:
    words = bentoml.depends(Words)

    @bentoml.on_startup
    async def begin(self):
        self.prefix = ">"

    @bentoml.api
    async def generate(self, text: str) -> AsyncGenerator[str, None]:
        for word in self.words.split(text):
            yield self.prefix + word
"""
        method = self.ready("python", self.write("model.py", text))
        self.assertTrue(method["streaming"])
        chunks = self.chunks("tensors", {"text": numpy.array(["a b"], object)})
        self.assertEqual([chunk["output-0"].tolist() for chunk in chunks], [[">a"], [">b"]])

    @unittest.skipUnless(importlib.util.find_spec("pydantic"), "needs pydantic")
    def test_objects_of_pydantic(self) -> None:
        text = """
import bentoml
from pydantic import BaseModel, Field

class House(BaseModel):
    rooms: int = Field(gt=0)
    city: str = "nowhere"

class Price(BaseModel):
    price: float
    city: str

@bentoml.service
class Prices:
    @bentoml.api
    def predict(self, house: House) -> Price:
        return Price(price=house.rooms * 10.0, city=house.city)
"""
        self.ready("python", self.write("model.py", text))
        answer = self.answer("rows", [{"rooms": 2, "city": "Rome"}, {"rooms": 3}])
        self.assertEqual(answer, [{"price": 20.0, "city": "Rome"}, {"price": 30.0, "city": "nowhere"}])
        error = self.error("rows", [{"rooms": 0}])
        self.assertEqual(error["code"], "INVALID_ARGUMENT")
        self.assertEqual(error["message"], "input 'house': rooms: Input should be greater than 0")

    @unittest.skipUnless(importlib.util.find_spec("PIL"), "needs pillow")
    def test_pictures(self) -> None:
        from PIL import Image

        text = """
import bentoml
from PIL.Image import Image

@bentoml.service
class Rotate:
    @bentoml.api
    def predict(self, image: Image) -> Image:
        return image.rotate(90, expand=True)
"""
        written = io.BytesIO()
        Image.new("RGB", (4, 2), (255, 0, 0)).save(written, "PNG")
        self.ready("python", self.write("model.py", text))
        answer = self.answer("rows", [{"b64": base64.b64encode(written.getvalue()).decode()}])
        turned = Image.open(io.BytesIO(answer["output-0"].tolist()[0]))
        self.assertEqual(turned.size, (2, 4))

    def test_what_cannot_be_served_says_why(self) -> None:
        two = "import bentoml\n@bentoml.service\nclass A:\n    @bentoml.api\n    def f(self, x: int) -> int: return x\n" * 2
        cases = [
            ("import bentoml\n@bentoml.service\nclass A:\n    def f(self): pass\n", "has no method under @bentoml.api"),
            (two.replace("class A", "class B", 1), "has several services (B, A)"),
            (two[: len(two) // 2].replace("x: int", "x: int, ctx"), "takes BentoML's request context"),
            ("import bentoml\n@bentoml.service\nclass A:\n    def __init__(self): raise KeyError('w')\n    @bentoml.api\n    def f(self, x: int) -> int: return x\n", "__init__ failed: KeyError: 'w'"),
        ]
        for text, message in cases:
            with self.subTest(message):
                self.assertIn(message, self.load("python", self.write("model.py", text)).meta.get("message", "it was loaded"))
