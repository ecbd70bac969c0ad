"""Custom models with several methods, with functions, with type hints and with settings."""

from __future__ import annotations

import base64
import io
import unittest
from textwrap import dedent
from typing import Any

import numpy

from nitrous_host import frames
from nitrous_host.payload import Payload
from support import HostTest


class CustomTest(HostTest):
    def custom(self, code: str, **meta: Any) -> dict[str, Any]:
        return self.ready("python", self.write("model.py", dedent(code)), **meta)

    def refused(self, code: str, **meta: Any) -> str:
        """The message of a load that must fail."""
        frame = self.load("python", self.write("model.py", dedent(code)), **meta)
        self.assertEqual(frame.type, frames.ERROR)
        return str(frame.meta["message"])

    def methods(self) -> list[str]:
        return list(self.description["methods"])


class Methods(CustomTest):
    def test_public_methods_of_the_class_are_served(self) -> None:
        self.custom(
            """
            import logging
            class Base(logging.Logger):
                def inherited(self, x): return "inherited"
            class Encoder(Base):
                def __init__(self): super().__init__("encoder")
                def load(self, directory): pass
                def _helper(self): pass
                @property
                def size(self): return 3
                @staticmethod
                def plain(x): return "plain"
                @classmethod
                def of_class(cls, x): return cls.__name__
                async def later(self, x): return "later"
                def encode(self, x): return self._helper() or "encoded"
            """
        )
        self.assertEqual(self.methods(), ["inherited", "plain", "of_class", "later", "encode"])
        answers = [self.answer("rows", [1], method=method) for method in self.methods()]
        self.assertEqual(answers, ["inherited", "plain", "Encoder", "later", "encoded"])
        self.assertIn("no method 'decode'", self.error("rows", [1], method="decode")["message"])

    def test_the_default(self) -> None:
        for body, default in (
            ("def a(self, x): 1\n    def predict(self, x): 1", "predict"),
            ("def a(self, x): 1\n    def __call__(self, x): 1", "__call__"),
            ("def only(self, x): 1", "only"),
            ("def a(self, x): 1\n    def b(self, x): 1\n    default_method = 'b'", "b"),
            ("def a(self, x): 1\n    def b(self, x): 1", "a"),
        ):
            self.custom(f"class Model:\n    {body}\n")
            self.assertEqual(self.description["defaultMethod"], default)
        self.assertIn("'c', which is no method; there are a", self.refused("class Model:\n    default_method = 'c'\n    def a(self): 1"))

    def test_functions_without_a_class(self) -> None:
        method = self.custom(
            """
            from dataclasses import dataclass
            batchable = True
            def load(directory, scale: float = 1.0):
                global factor
                factor = scale
            @dataclass
            class Helper:
                a: int
                def total(self): return 1
            def helper(x): return x
            def predict(x: list[float]) -> float: return sum(x) * factor
            """,
            settings={"scale": "2"},
        )
        self.assertEqual((self.methods(), method["batchable"]), (["predict"], True))
        self.assertEqual(self.answer("rows", [[1, 2, 3], [4]])["output-0"].tolist(), [12, 8])
        self.custom("__all__ = ['a', 'b']\ndef a(x): return 'a'\ndef b(x): return 'b'\ndef c(x): return 'c'\n")
        self.assertEqual((self.methods(), self.answer("rows", [1], method="b")), (["a", "b"], "b"))
        self.custom("from nitrous import method\n@method\ndef a(x): return 'a'\n@method(batchable=True)\ndef b(x): return 'b'\ndef c(x): 1\n")
        self.assertEqual([entry["batchable"] for entry in self.description["methods"].values()], [False, True])
        self.custom("def double(x: int) -> int: return 2 * x\n")
        self.assertEqual(self.answer("rows", [4, 5])["output-0"].tolist(), [8, 10])
        self.assertIn("functions a, b: call one predict, or name those to be served in __all__", self.refused("def a(x): 1\ndef b(x): 1\n"))

    def test_declarations_by_method(self) -> None:
        code = """
            from nitrous import Model as Base, method
            class Model(Base):
                batchable = {"encode"}
                inputs = {"encode": {"x": "FP32[-1,2]"}}
                outputs = {"encode": {"y": "FP32[-1]"}}
                padding = {"encode": {}}
                example = {"encode": {"x": [[1, 2]]}, "other": {"instances": [1]}}
                def predict(self, x): return x
                def encode(self, x): return {"y": x.sum(1)}
                @method(batchable=True, inputs={"z": "INT64[-1]"})
                def marked(self, z): return z
                def other(self, x): return x * 2
                def words(self, x):
                    yield "a"
                    yield "b"
            """
        self.custom(code)
        methods = self.description["methods"]
        self.assertEqual([name for name, method in methods.items() if method["batchable"]], ["encode", "marked"])
        self.assertEqual([name for name, method in methods.items() if method["streaming"]], ["words"])
        self.assertEqual(methods["encode"]["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}])
        self.assertEqual(methods["encode"]["outputs"], [{"name": "y", "datatype": "FP32", "shape": [-1], "declared": True}])
        self.assertEqual(methods["marked"]["accepts"], "tensors")
        self.assertEqual(methods["other"]["outputs"], [{"name": "output-0", "datatype": "INT64", "shape": [-1]}])
        self.assertNotIn("example", self.description)
        self.assertIn("batchable names 'encod', which is no method", self.refused(code.replace('{"encode"}', '{"encod"}')))
        stream = self.send_call(Payload("rows", [1]), credit=5, method="words")
        self.assertEqual([self.receive().meta.get("json") for _ in range(3)], ["a", "b", None])
        self.assertEqual(stream, self.stream)


class Hints(CustomTest):
    def test_one_row_at_a_time(self) -> None:
        method = self.custom(
            """
            from typing import TypedDict
            class Answer(TypedDict):
                label: str
                score: float
            class Model:
                def predict(self, text: str, factor: float = 1.0) -> Answer:
                    if not text: raise ValueError("empty")
                    return {"label": text.upper(), "score": len(text) * factor}
            """
        )
        self.assertEqual((method["accepts"], method["convertsNumbers"]), ("tensors", True))
        self.assertEqual(method["inputs"][1], {"name": "factor", "datatype": "FP64", "shape": [-1], "optional": True})
        self.assertEqual([(entry["name"], entry["datatype"], entry["shape"]) for entry in method["outputs"]], [("label", "BYTES", [-1]), ("score", "FP64", [-1])])
        answer = self.answer("tensors", {"text": numpy.array(["a", "bc"], object)}, parameters={"factor": 2})
        self.assertEqual((answer["label"].tolist(), answer["score"].tolist()), (["A", "BC"], [2.0, 4.0]))
        answer = self.answer("tensors", {"text": numpy.array(["a", "bc"], object), "factor": numpy.array([1, 3])})
        self.assertEqual(answer["score"].tolist(), [1.0, 6.0])
        self.assertEqual(self.answer("rows", ["abc"], outputs=["score"])["score"].tolist(), [3.0])
        self.assertEqual(self.answer("rows", [{"text": "a", "factor": 2}, {"text": "b"}])["score"].tolist(), [2.0, 1.0])
        for rows, text in (([1], "input 'text': expected text, got 1"), ([{"txt": "a", "factor": 1}], "expected text, got a dict"), ([{"text": "a", "factor": "b"}], "input 'factor': expected a number, got 'b'")):
            self.assertEqual((self.error("rows", rows)["code"], text in self.error("rows", rows)["message"]), ("INVALID_ARGUMENT", True), rows)

    def test_all_rows_at_once(self) -> None:
        method = self.custom(
            """
            import numpy as np
            from typing import Literal, Optional
            class Model:
                def predict(self, texts: list[str], top: int = 1, how: Literal["a", "b"] = "a", words: Optional[list[str]] = None) -> np.ndarray:
                    assert type(texts) is list and type(top) is int
                    return np.full((len(texts), top), len(words or []), "f4")
            """
        )
        self.assertEqual([entry["shape"] for entry in method["inputs"]], [[-1]] * 4)
        self.assertEqual([entry.get("optional") for entry in method["inputs"]], [None, True, True, True])
        self.assertEqual(self.answer("rows", ["a", "b"], parameters={"top": 3})["output-0"].shape, (2, 3))
        self.assertEqual(self.answer("columns", {"texts": ["a"], "words": ["x", "y"], "top": 1})["output-0"].tolist(), [[2]])
        self.assertEqual(self.answer("tensors", {"texts": numpy.array(["a"], object), "top": numpy.array([2.0])})["output-0"].shape, (1, 2))
        self.assertIn("expected a whole number, got 1.5", self.error("rows", ["a"], parameters={"top": 1.5})["message"])
        self.assertIn("expected one of 'a', 'b', got 'c'", self.error("rows", ["a"], parameters={"how": "c"})["message"])
        self.assertIn("one value for all rows", self.error("columns", {"texts": ["a"], "top": [1, 2]})["message"])

    def test_arrays(self) -> None:
        method = self.custom(
            """
            from typing import Annotated
            import numpy as np
            from numpy.typing import NDArray
            class Model:
                def predict(self, x: Annotated[np.ndarray, "FP32[-1,2]"]) -> Annotated[np.ndarray, "FP32[-1]"]:
                    assert x.dtype == np.float32
                    return x.sum(1)
                def typed(self, x: NDArray[np.float32]) -> list[float]:
                    return [float(x.sum()), 1]
                def named(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
                    return {name + "_too": array for name, array in inputs.items()}
                def wrong(self, x: np.ndarray) -> int:
                    return 1.5
                def mean(self, x: np.ndarray) -> float:
                    return x.mean()
            """
        )
        self.assertEqual(method["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}])
        self.assertEqual(method["outputs"], [{"name": "output-0", "datatype": "FP32", "shape": [-1], "declared": True}])
        self.assertEqual(self.answer("tensors", {"x": numpy.ones((2, 2), "f8")})["output-0"].dtype, numpy.float32)
        self.assertEqual(self.answer("tensors", {"a": numpy.ones((2, 2), "i4")}, method="typed")["output-0"].tolist(), [4, 1])
        self.assertIn("expected numbers of FP32, got", self.error("rows", ["a"], method="typed")["message"])
        self.assertEqual(list(self.answer("tensors", {"a": numpy.ones(2), "b": numpy.ones(1)}, method="named")), ["a_too", "b_too"])
        self.assertIn("it answered float64 where its type hint says int", self.error("rows", [1], method="wrong")["message"])
        self.assertEqual(self.answer("rows", [1, 2], method="mean")["output-0"].tolist(), [1.5])

    def test_objects_and_records(self) -> None:
        method = self.custom(
            """
            from __future__ import annotations
            from dataclasses import dataclass
            from typing import Any, Optional
            @dataclass
            class Point:
                x: float
                y: float = 0.5
            @dataclass
            class Found:
                name: str
                near: Optional[list[str]] = None
            class Model:
                def predict(self, row: dict[str, Any]) -> dict:
                    return {"n": len(row)}
                def norm(self, point: Point) -> float:
                    return point.x + point.y
                def find(self, names: list[str]) -> list[Found]:
                    return [Found(name) for name in names]
                def data(self, x: bytes) -> bytes:
                    return x + b"\\xff"
                def no_such(self, x: NoSuchName, y: int) -> AlsoNot:
                    return [type(y).__name__]
            """
        )
        self.assertEqual((method["accepts"], method["inputs"]), ("json", []))
        self.assertEqual(self.answer("rows", [{"a": 1, "b": 2}, {}]), [{"n": 2}, {"n": 0}])
        self.assertEqual(self.answer("rows", [{"x": 1}, {"x": 1, "y": 2}], method="norm")["output-0"].tolist(), [1.5, 3.0])
        self.assertIn("expected an object with x, y; z is not one of them", self.error("rows", [{"x": 1, "z": 2}], method="norm")["message"])
        self.assertEqual(self.answer("rows", ["a"], method="find"), [{"name": "a", "near": None}])
        self.assertEqual(self.answer("rows", [{"b64": "AP8="}, "a"], method="data")["output-0"].tolist(), [b"\x00\xff\xff", b"a\xff"])
        self.assertEqual(self.answer("columns", {"x": [1], "y": [2]}, method="no_such"), ["int"])

    def test_coroutines_share_the_loop_of_load(self) -> None:
        self.custom(
            """
            import asyncio
            from typing import NamedTuple
            class Pair(NamedTuple):
                first: int
                second: int = 2
            class Model:
                async def load(self, directory):
                    self.loop = asyncio.get_running_loop()
                    self.ticks = asyncio.Queue()
                async def predict(self, pair: Pair) -> bool:
                    await self.ticks.put(pair.first)
                    return asyncio.get_running_loop() is self.loop and pair.second == 2
            """
        )
        self.assertEqual(self.answer("rows", [{"first": 1}, {"first": 2}])["output-0"].tolist(), [True, True])

    def test_rows_of_a_cancelled_call_are_not_begun(self) -> None:
        import threading

        self.custom(
            """
            import time
            seen = []
            def predict(x: int, *, cancelled) -> int:
                seen.append(x)
                while x == 1 and not cancelled(): time.sleep(0.001)
                return len(seen)
            """
        )
        stream = self.send_call(Payload("rows", [1, 2, 3]))
        threading.Timer(0.05, lambda: self.connection.send(frames.CANCEL, stream, {})).start()
        self.assertEqual(self.receive().meta["code"], "CANCELLED")
        self.assertEqual(self.answer("rows", [4])["output-0"].tolist(), [2])

    def test_streams_of_one_row(self) -> None:
        method = self.custom(
            """
            from typing import AsyncIterator, Iterator
            class Model:
                async def predict(self, prompt: str, many: int = 2) -> AsyncIterator[str]:
                    for index in range(many): yield prompt + str(index)
                def wrapped(self, prompt: str) -> Iterator[str]:
                    return iter([prompt])
            """
        )
        self.assertEqual((method["streaming"], method["outputs"][0]["datatype"]), (True, "BYTES"))
        self.send_call(Payload("rows", ["a"]), credit=5)
        chunks = [self.receive() for _ in range(3)]
        self.assertEqual([chunk.type for chunk in chunks], [frames.CHUNK, frames.CHUNK, frames.END])
        self.assertEqual(chunks[0].meta["tensors"][0]["shape"], [1])
        self.assertIn("send one", self.error("rows", ["a", "b"], credit=1)["message"])
        self.send_call(Payload("rows", ["a"]), credit=5, method="wrapped")
        self.assertEqual([self.receive().type for _ in range(2)], [frames.CHUNK, frames.END])

    def test_data_frames(self) -> None:
        method = self.custom(
            """
            import pandas as pd
            class Model:
                inputs = {"age": "FP64[-1]", "city": "BYTES[-1]"}
                def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
                    return pd.DataFrame({"next": frame["age"] + 1, "city": frame["city"].str.upper()})
                def free(self, frame: pd.DataFrame):
                    return {"columns": list(frame.columns), "rows": len(frame)}
            """
        )
        self.assertEqual((method["accepts"], self.description["methods"]["free"]["accepts"]), ("frame", "json"))
        answer = self.answer("tensors", {"age": numpy.array([[1.0], [2.0]]), "city": numpy.array(["a", "b"], object)})
        self.assertEqual((answer["next"].tolist(), answer["city"].tolist()), ([2, 3], ["A", "B"]))
        self.assertEqual(self.answer("rows", [{"a": 1, "b": "x"}, {"a": 2}], method="free"), {"columns": ["a", "b"], "rows": 2})
        self.assertIn("no data frame", self.error("columns", {"a": [1, 2], "b": [1]}, method="free")["message"])

    def test_pictures(self) -> None:
        try:
            from PIL import Image
        except ImportError:
            self.skipTest("pillow is not installed")
        method = self.custom(
            """
            from PIL import Image
            class Model:
                def predict(self, image: Image.Image) -> list[int]:
                    return [image.width, image.height]
                def mirror(self, image: Image.Image) -> Image.Image:
                    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
                def count(self, images: list[Image.Image]) -> list[int]:
                    return [len(images)]
            """
        )
        self.assertEqual(method["inputs"], [{"name": "image", "datatype": "BYTES", "shape": [-1]}])
        file = io.BytesIO()
        Image.new("RGB", (2, 3)).save(file, "PNG")
        text = base64.b64encode(file.getvalue()).decode()
        for row in (text, {"b64": text}, f"data:image/png;base64,{text}"):
            self.assertEqual(self.answer("rows", [row])["output-0"].tolist(), [[2, 3]])
        raw = numpy.empty(1, object)
        raw[:] = [file.getvalue()]
        self.assertEqual(self.answer("tensors", {"image": raw})["output-0"].tolist(), [[2, 3]])
        self.assertEqual(self.answer("tensors", {"image": numpy.zeros((4, 3, 2, 3), "u1")})["output-0"].shape, (4, 2))
        self.assertEqual(self.answer("tensors", {"image": numpy.zeros((4, 3, 2, 3), "u1")}, method="count")["output-0"].tolist(), [4])
        self.assertTrue(self.answer("rows", [text], method="mirror")["output-0"][0].startswith(b"\x89PNG"))
        for row, message in (("http://a/b.png", "not fetched"), ("???", "in base64"), (base64.b64encode(b"no").decode(), "cannot be read")):
            self.assertIn(message, self.error("rows", [row])["message"])


class SettingsOfAModel(CustomTest):
    CODE = """
        from typing import Literal, Optional
        class Model:
            def __init__(self, size: int, rate: float = 0.5, on: bool = False, names: list[str] = [], kind: Literal["a", "b"] = "a", other: Optional[int] = 3, plain="x"):
                self.values = [size, rate, on, names, kind, other, plain]
            def load(self, directory, depth: int = 0):
                self.values.append(depth)
            def predict(self, x):
                return self.values
        """

    def test_they_are_keyword_arguments(self) -> None:
        given = {"size": "4", "rate": "1", "on": True, "names": '["n"]', "kind": "b", "other": "none", "plain": "y", "depth": "2"}
        self.custom(self.CODE, settings=given)
        self.assertEqual(self.answer("rows", [1]), [4, 1.0, True, ["n"], "b", None, "y", 2])
        self.custom(self.CODE, settings={"size": 7})
        self.assertEqual(self.answer("rows", [1])[0], 7)

    def test_those_that_do_not_fit_are_named(self) -> None:
        for settings, message in (
            ({"size": "x"}, "the setting size is 'x': expected a whole number"),
            ({"size": 1, "on": "perhaps"}, "expected true or false"),
            ({"size": 1, "kind": "c"}, "expected one of a, b"),
            ({"size": 1, "names": "n"}, "the setting names is 'n'"),
            ({"size": 1, "sise": 1}, "Model takes no setting sise; it takes size, rate, on, names, kind, other, plain, depth"),
            ({}, "missing 1 required positional argument: 'size'"),
        ):
            self.assertIn(message, self.refused(self.CODE, settings=settings))
        self.assertIn("it takes none", self.refused("class Model:\n    def predict(self, x): 1\n", settings={"a": 1}))
        self.assertIn("takes no setting a", self.refused("def predict(x): 1\n", settings={"a": 1}))


if __name__ == "__main__":
    unittest.main()
