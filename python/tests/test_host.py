from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
import unittest
import warnings
from pathlib import Path

import numpy
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from support import TIMEOUT, HostTest

from nitrous_host import frames
from nitrous_host.connection import Connection
from nitrous_host.payload import Payload

X, Y = load_iris(return_X_y=True)


class Sklearn(HostTest):
    def save(self, estimator: object, name: str = "model.pkl") -> Path:
        path = self.folder / name
        path.write_bytes(pickle.dumps(estimator))
        return path

    def test_a_classifier_answers_as_in_python(self) -> None:
        model = LogisticRegression(max_iter=500).fit(X, Y)
        method = self.ready("sklearn", self.save(model))
        self.assertEqual((method["accepts"], method["batchable"], method["streaming"]), ("matrix", True, False))
        self.assertEqual(method["outputs"][0], {"name": "predict", "datatype": "INT64", "shape": [-1]})
        answer = self.answer("tensors", {"any": X}, outputs=["predict_proba", "predict"])
        self.assertEqual(list(answer), ["predict_proba", "predict"])
        numpy.testing.assert_array_equal(answer["predict"], model.predict(X))
        numpy.testing.assert_array_equal(answer["predict_proba"], model.predict_proba(X))
        numpy.testing.assert_array_equal(self.answer("rows", X[:3].tolist())["predict"], Y[:3])

    def test_what_does_not_fit_is_the_clients_mistake(self) -> None:
        self.ready("sklearn", self.save(LogisticRegression(max_iter=500).fit(X, Y)))
        cases = [
            ("tensors", {"x": X[:1] * numpy.nan}, {}, "NaN"),
            ("tensors", {"x": X[:1] * numpy.inf}, {}, "infinity"),
            ("tensors", {"x": X[:1, :2]}, {}, "expecting 4 features"),
            ("tensors", {"x": X[:1]}, {"outputs": ["nothing"]}, "unknown output 'nothing'"),
            ("rows", [[1, 2, 3, None]], {}, "NaN"),
            ("rows", [[1], [1, 2]], {}, "not rectangular"),
        ]
        for kind, value, meta, text in cases:
            with self.subTest(text):
                error = self.error(kind, value, **meta)
                self.assertEqual(error["code"], "INVALID_ARGUMENT")
                self.assertIn(text, error["message"])
                self.assertNotIn("\n", error["message"])
        self.assertEqual(self.error("rows", [], method="nothing")["code"], "NOT_FOUND")

    def test_string_labels_and_multiple_outputs(self) -> None:
        labels = numpy.array(["a", "b", "c"])[Y]
        method = self.ready("sklearn", self.save(RandomForestClassifier(5, n_jobs=-1).fit(X, labels)))
        self.assertEqual(method["outputs"][0]["datatype"], "BYTES")
        self.assertEqual(self.answer("tensors", {"x": X[:1]})["predict"].tolist(), ["a"])
        method = self.ready("sklearn", self.save(LinearRegression().fit(X, X[:, :2])))
        self.assertEqual(method["outputs"][0], {"name": "predict", "datatype": "FP64", "shape": [-1, 2]})

    def test_a_pipeline_on_a_data_frame(self) -> None:
        import pandas

        frame = pandas.DataFrame({"city": ["a", "b", "c", "a"] * 5, "age": numpy.arange(20.0)})
        columns = ColumnTransformer([("city", OneHotEncoder(), ["city"]), ("age", StandardScaler(), ["age"])])
        model = make_pipeline(columns, LogisticRegression()).fit(frame, frame["age"] > 9)
        method = self.ready("sklearn", self.save(model))
        self.assertEqual(self.description["warnings"], [])
        self.assertEqual((method["accepts"], method["batchable"]), ("frame", True))
        self.assertEqual([entry["datatype"] for entry in method["inputs"]], ["BYTES", "FP64"])
        tensors = {"age": numpy.array([1.0, 15]), "city": numpy.array([["a"], ["c"]], object)}
        self.assertEqual(self.answer("tensors", tensors)["predict"].tolist(), [False, True])
        for rows in ([{"city": "a", "age": 15}], [["a", 15]]):
            self.assertEqual(self.answer("rows", rows)["predict"].tolist(), [True])
        self.assertEqual(self.answer("columns", {"city": ["a"], "age": [15]})["predict"].tolist(), [True])
        self.assertIn("missing 'city'", self.error("tensors", {"age": numpy.array([1.0])})["message"])
        self.assertIn("unknown 'x'", self.error("rows", [{"city": "a", "age": 1, "x": 1}])["message"])

    def test_columns_of_a_numeric_model(self) -> None:
        frame = load_iris(as_frame=True).data
        method = self.ready("sklearn", self.save(LogisticRegression(max_iter=500).fit(frame, Y)))
        self.assertEqual((method["accepts"], method["columns"]), ("matrix", list(frame.columns)))
        row = dict(zip(reversed(list(frame.columns)), X[0, ::-1].tolist()))
        self.assertEqual(self.answer("rows", [row])["predict"].tolist(), [0])

    def test_documents(self) -> None:
        model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good film", "bad film"] * 4, ["+", "-"] * 4)
        method = self.ready("sklearn", self.save(model))
        self.assertEqual(method["inputs"], [{"name": "input-0", "datatype": "BYTES", "shape": [-1]}])
        self.assertEqual(self.answer("rows", ["good", "bad"])["predict"].tolist(), ["+", "-"])

    def test_an_example_decides_and_a_bad_one_fails(self) -> None:
        path = self.save(LogisticRegression(max_iter=500).fit(X, Y))
        example = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
        self.ready("sklearn", path, self.write("example.json", json.dumps(example)))
        self.assertEqual(self.description["example"], example)
        frame = self.load("sklearn", path, self.write("example.json", '{"instances":[[1]]}'))
        self.assertEqual((frame.type, frame.meta["code"]), (frames.ERROR, "INVALID_ARGUMENT"))
        self.assertIn("example.json", frame.meta["message"])

    def test_another_version_makes_a_warning(self) -> None:
        data = pickle.dumps(LogisticRegression(max_iter=500).fit(X, Y))
        import sklearn

        version = sklearn.__version__.encode()
        (self.folder / "old.pkl").write_bytes(data.replace(version, b"1.0.0".ljust(len(version), b"0")))
        with warnings.catch_warnings():
            self.ready("sklearn", self.folder / "old.pkl")
        self.assertIn("made with scikit-learn 1.0.0", self.description["warnings"][0])

    def test_files_that_are_no_models(self) -> None:
        whole = pickle.dumps(LogisticRegression().fit(X, Y))
        cases = [(whole[:200], "INVALID_ARGUMENT", "not a whole pickle"), (pickle.dumps({}), "INVALID_ARGUMENT", "dict")]
        cases.append((b"cmissing_package.part\nC\n.", "FAILED_PRECONDITION", "needs package 'missing_package'"))
        cases.append((b"csklearn.ensemble.missing\nC\n.", "FAILED_PRECONDITION", "no module sklearn.ensemble.missing"))
        for data, code, text in cases:
            (self.folder / "bad.pkl").write_bytes(data)
            meta = self.load("sklearn", self.folder / "bad.pkl", trust="pickle").meta
            self.assertEqual(meta["code"], code)
            self.assertIn(text, meta["message"])

    def test_a_file_that_names_anything_else_needs_trust(self) -> None:
        path = self.save(make_pipeline(FunctionTransformer(numpy.nan_to_num), LogisticRegression(max_iter=500)).fit(X, Y))
        meta = self.load("sklearn", path).meta
        self.assertEqual(meta["code"], "PERMISSION_DENIED")
        self.assertEqual(
            meta["message"],
            "model.pkl was refused: it refers to numpy.nan_to_num, which could run code when it is loaded. If you trust where the file "
            "comes from, allow it: annotation nitrous/trust: pickle, or nitrous serve --trust test",
        )
        self.assertEqual(self.load("sklearn", path, trust="pickle").type, frames.READY)


class Boosters(HostTest):
    def test_xgboost(self) -> None:
        import xgboost

        frame = load_iris(as_frame=True).data
        model = xgboost.XGBClassifier(n_estimators=5).fit(frame, Y)
        model.save_model(self.folder / "model.json")
        method = self.ready("xgboost", self.folder / "model.json")
        self.assertEqual((method["columns"], method["batchable"]), (list(frame.columns), True))
        expected = model.get_booster().predict(xgboost.DMatrix(frame))
        numpy.testing.assert_array_equal(self.answer("tensors", {"x": X})["predict"], expected)
        missing = model.get_booster().predict(xgboost.DMatrix(numpy.full((1, 4), numpy.nan), feature_names=list(frame.columns)))
        numpy.testing.assert_array_equal(self.answer("rows", [[None] * 4])["predict"], missing)
        self.assertIn("expected: 4, got 2", self.error("tensors", {"x": X[:, :2]})["message"])
        self.assertIn("not a whole XGBoost file", self.load("xgboost", self.write("bad.json", "{")).meta["message"])

    def test_lightgbm(self) -> None:
        import lightgbm

        model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(X, Y)
        path = self.folder / "model.txt"
        model.booster_.save_model(path)
        self.ready("lightgbm", path)
        numpy.testing.assert_array_equal(self.answer("tensors", {"x": X})["predict"], model.booster_.predict(X))
        self.assertEqual(self.error("tensors", {"x": X[:, :2]})["code"], "INVALID_ARGUMENT")
        text = path.read_text()
        # LightGBM's own reader ends the process at such a file.
        self.assertIn("cut off", self.load("lightgbm", self.write("cut.txt", text[: len(text) // 3])).meta["message"])


class Custom(HostTest):
    def custom(self, code: str) -> dict:
        return self.ready("python", self.write("model.py", code))

    def test_arguments(self) -> None:
        self.custom("class Model:\n    def predict(self, x, scale=1.0):\n        return x * scale\n")
        self.assertEqual(self.answer("tensors", {"input": X[:1]}, parameters={"scale": 2.0})["output-0"].tolist(), (X[:1] * 2).tolist())
        self.assertEqual(self.answer("rows", [1, 2])["output-0"].tolist(), [1, 2])
        error = self.error("tensors", {"a": X, "b": X})
        self.assertEqual(error["code"], "INVALID_ARGUMENT")
        self.custom("class Model:\n    def predict(self, a, b):\n        return {'sum': a + b}\n")
        self.assertEqual(self.answer("rows", [{"a": 1, "b": 2}, {"a": 3, "b": 4}])["sum"].tolist(), [3, 7])
        self.assertEqual(self.answer("columns", {"a": [1], "b": [5]})["sum"].tolist(), [6])
        self.assertIn("missing input 'b'", self.error("columns", {"a": [1]})["message"])

    def test_results(self) -> None:
        self.custom(
            "import numpy\nclass Model:\n    def predict(self, kind):\n        kind = kind[0]\n"
            "        return {'nan': {'a': [float('nan')], 'b': numpy.int64(3)}, 'set': {1}, 'list': ['a', 'b'],\n"
            "                'dates': numpy.array(['2020-01-01'], 'datetime64[D]'), 'surrogate': '\\ud800'}[kind]\n"
        )
        self.assertEqual(self.answer("rows", ["nan"]), {"a": [None], "b": 3})
        self.assertEqual(self.answer("rows", ["list"]), ["a", "b"])
        self.assertEqual(self.answer("rows", ["surrogate"]), "\ud800")
        self.assertEqual(self.answer("tensors", {"k": numpy.array(["list"])})["output-0"].tolist(), ["a", "b"])
        self.assertIn("set", self.error("rows", ["set"])["message"])
        self.assertIn("datetime64", self.error("rows", ["dates"])["message"])
        error = self.error("rows", ["other"])
        self.assertEqual((error["code"], error["message"]), ("INTERNAL", "KeyError: 'other'"))
        self.assertIn("Traceback", error["detail"])

    def test_declarations_and_the_warm_up(self) -> None:
        method = self.custom(
            "class Model:\n    inputs = {'x': 'FP32[-1,2]'}\n    batchable = True\n    example = {'x': [[1, 2]]}\n"
            "    def load(self, directory):\n        self.directory = directory\n"
            "    def predict(self, x):\n        assert self.directory and x.dtype == 'float32'\n        return x.sum(1)\n"
        )
        self.assertEqual((method["accepts"], method["batchable"]), ("tensors", True))
        self.assertEqual(method["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}])
        self.assertEqual(method["outputs"], [{"name": "output-0", "datatype": "FP32", "shape": [-1]}])

    def test_sizes_are_told_as_declared_and_rows_know_their_lengths(self) -> None:
        method = self.custom(
            "import numpy\nclass Model:\n    inputs = {'x': 'INT64[-1,-1]', 'y': 'FP32[-1,-1,2,-1]'}\n    batchable = True\n"
            "    padding = {'x': numpy.int64(0), 'y': 0.5}\n    cost = 'x'\n    unpad = {}\n"
            "    def load(self, directory):\n        self.cost = lambda: 1\n"
            "    def predict(self, x, y, *, lengths):\n        return lengths\n"
        )
        self.assertEqual(method["sizing"], {"padding": {"x": 0, "y": 0.5}, "unpad": {}, "cost": "x"})
        inputs = {"x": numpy.zeros((3, 5), "i8"), "y": numpy.zeros((3, 4, 2, 1), "f4")}
        alone = self.answer("tensors", inputs)
        self.assertEqual((alone["x"].tolist(), alone["y"].tolist()), ([5, 5, 5], [[4, 1]] * 3))
        shared = self.answer("tensors", inputs, lengths={"x": [[2, 5], [1, 3]], "y": [[2, 1, 0], [1, 4, 1]]})
        self.assertEqual((shared["x"].tolist(), shared["y"].tolist()), ([5, 5, 3], [[1, 0], [1, 0], [4, 1]]))
        # Without padding it is an input like any other.
        method = self.custom("class Model:\n    def predict(self, *, x, lengths):\n        return x[lengths[0]]\n")
        self.assertNotIn("sizing", method)
        self.assertEqual(self.answer("columns", {"x": ["a", "b"], "lengths": [1]}), "b")
        for wrong in ("padding = {'x': float('inf')}", "padding = {'x': b'a'}", "def cost(self): return 1"):
            code = f"class Model:\n    {wrong}\n    def predict(self, x):\n        return x\n"
            self.assertIn("expected data", self.load("python", self.write("model.py", code)).meta["message"])

    def test_other_ways_to_write_a_class(self) -> None:
        self.custom("class Echo:\n    async def predict(self, x):\n        return [x]\n")
        self.assertEqual(self.answer("rows", ["a"]), [["a"]])
        self.custom("import sys\nsys.stdout = None\nclass Echo:\n    def predict(self, x):\n        sys.exit(1)\n")
        sys.stdout = sys.__stdout__
        self.assertEqual(self.error("rows", ["a"])["message"], "SystemExit: 1")
        for code, text in (("class A:\n  def predict(s): 1\nclass B:\n  def predict(s): 1\n", "A, B"), ("x = 1\n", "no class"), ("import no_such_package", "no_such_package")):
            self.assertIn(text, self.load("python", self.write("model.py", code)).meta["message"])

    def test_two_models_with_files_of_one_name(self) -> None:
        first = self.load("python", self.write("a/model.py", "class Model:\n    def predict(self, x):\n        return 'a'\n"))
        self.ready("python", self.write("b/model.py", "class Model:\n    def predict(self, x):\n        return 'b'\n"))
        self.assertEqual(self.answer("rows", [1]), "b")
        self.handle = first.stream
        self.assertEqual(self.answer("rows", [1]), "a")
        self.connection.send(frames.UNLOAD, self.handle, {})
        self.assertEqual(self.receive().type, frames.END)
        self.assertEqual(self.error("rows", [1])["code"], "NOT_FOUND")


class Streams(HostTest):
    def count(self, rows: list, credit: int) -> int:
        return self.send_call(Payload("rows", rows), credit=credit)

    def test_chunks_wait_for_credit_while_other_calls_go_on(self) -> None:
        for word in ("", "async "):
            code = f"class Model:\n    {word}def predict(self, n):\n        for i in range(int(n[0])):\n            yield {{'i': i}}\n"
            self.assertTrue(self.ready("python", self.write("model.py", code))["streaming"])
            stream = self.count([4], 2)
            self.assertEqual([self.receive().meta["json"]["i"] for _ in range(2)], [0, 1])
            ping = self.open(frames.PING, {})
            self.assertEqual(self.receive().stream, ping)
            self.connection.send(frames.CREDIT, stream, {"chunks": 3})
            self.assertEqual([self.receive().meta["json"]["i"] for _ in range(2)], [2, 3])
            end = self.receive()
            self.assertEqual((end.type, end.stream), (frames.END, stream))

    def test_cancel_closes_the_generator(self) -> None:
        note = self.folder / "closed"
        code = (
            "import itertools\nclass Model:\n    def predict(self, n):\n        try:\n"
            "            for i in itertools.count():\n                yield {'i': i}\n"
            f"        finally:\n            open({str(note)!r}, 'w').close()\n"
        )
        self.ready("python", self.write("model.py", code))
        stream = self.count([1], 1)
        self.receive()
        self.connection.send(frames.CANCEL, stream, {})
        end = self.receive()
        self.assertEqual((end.type, end.stream, end.meta["code"]), (frames.ERROR, stream, "CANCELLED"))
        self.assertTrue(note.exists())

    def test_a_failure_in_the_middle_ends_the_stream(self) -> None:
        self.ready("python", self.write("model.py", "class Model:\n    def predict(self, n):\n        yield 'a'\n        raise OSError('gone')\n"))
        self.count([1], 5)
        self.assertEqual(self.receive().meta["json"], "a")
        self.assertEqual(self.receive().meta["message"], "OSError: gone")
        self.assertEqual(self.error("columns", {"a": [1], "b": [2]}, credit=1)["code"], "INVALID_ARGUMENT")


class Process(unittest.TestCase):
    def test_the_process_ends_with_its_connection(self) -> None:
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        descriptor = os.dup(theirs.fileno())
        # Not in a shell: some take only one digit for a descriptor.
        start = f"import os, sys; os.dup2({descriptor}, 3); os.execv(sys.executable, [sys.executable, '-m', 'nitrous_host'])"
        process = subprocess.Popen(
            [sys.executable, "-c", start],
            pass_fds=[descriptor],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        )
        os.close(descriptor)
        theirs.close()
        hello = Connection(ours).receive()
        self.assertEqual(hello and (hello.type, hello.meta["pid"]), (frames.HELLO, process.pid))
        ours.close()
        self.assertEqual(process.wait(TIMEOUT), 0)


if __name__ == "__main__":
    unittest.main()
