"""Models of NOS's catalogs."""

from __future__ import annotations

import numpy
from support import HostTest

# As in NOS's tutorials, with a smaller model.
MODEL = """
from typing import Iterable, List, Union

from helper import SCALE
import numpy as np

class CustomModel:
    def __init__(self, first: str = "", model_name: str = "none", dim: int = 2):
        self.first, self.model_name, self.dim = first, model_name, dim

    def __call__(self, texts: List[str]) -> np.ndarray:
        return np.array([[len(text) * SCALE] * self.dim for text in texts], dtype=np.float32)

    def encode_image(self, images: np.ndarray):
        return {"embedding": images.reshape(len(images), -1).sum(axis=1)}

    def describe(self, prefix: str) -> str:
        return prefix + self.first + self.model_name

    def stream_chars(self, text: str) -> Iterable[str]:
        yield from text

    def _private(self):
        return 1
"""


class Nos(HostTest):
    def nos(self, **entry: object) -> dict[str, object]:
        self.write("helper.py", "SCALE = 1.0\n")
        return {"settings": {"_nos": {"model_cls": "CustomModel", **entry}}, "directory": str(self.folder)}

    def test_public_methods_are_served_with_what_the_catalog_says(self) -> None:
        entry = self.nos(init_args=["a-"], init_kwargs={"model_name": "custom/custom-model-a", "dim": 3}, default_method="__call__")
        method = self.ready("python", self.write("models/model.py", MODEL), **entry)
        self.assertEqual(self.description["defaultMethod"], "__call__")
        self.assertEqual(list(self.description["methods"]), ["__call__", "encode_image", "describe", "stream_chars"])
        self.assertEqual(method["inputs"][0]["name"], "texts")
        self.assertEqual(self.answer("tensors", {"texts": numpy.array(["ab"], object)})["output-0"].tolist(), [[2, 2, 2]])
        self.assertEqual(self.answer("tensors", {"images": numpy.ones((2, 2, 2))}, method="encode_image")["embedding"].tolist(), [4, 4])
        self.assertEqual(self.answer("tensors", {"prefix": numpy.array(["it is "], object)}, method="describe")["output-0"].tolist(), ["it is a-custom/custom-model-a"])
        chunks = self.chunks("tensors", {"text": numpy.array(["ab"], object)}, method="stream_chars")
        self.assertEqual([chunk["output-0"].tolist() for chunk in chunks], [["a"], ["b"]])

    def test_what_does_not_fit_the_class_says_why(self) -> None:
        cases = [
            (self.nos(model_cls="Other"), "has no class Other; it has CustomModel"),
            (self.nos(default_method="run"), "default_method is run, and CustomModel has only __call__, encode_image"),
            (self.nos(init_kwargs={"size": 1}), "__init__ failed: TypeError"),
        ]
        for entry, message in cases:
            with self.subTest(message):
                meta = self.load("python", self.write("models/model.py", MODEL), **entry).meta
                self.assertIn(message, meta.get("message", "it was loaded"))
