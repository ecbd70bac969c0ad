"""Settings, data frames and categories of tabular formats, through a host."""

from __future__ import annotations

import importlib.util
import os
import unittest
from pathlib import Path
from unittest import mock

import numpy
import pandas
from nitrous_host import frames
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from support import HostTest

X, Y = load_iris(return_X_y=True)
DATA = Path(__file__).parents[2] / "testdata" / "pmml"
HAS_SKOPS = importlib.util.find_spec("skops") is not None


class Sklearn(HostTest):
    def save(self, estimator: object) -> Path:
        import joblib

        path = self.folder / "model.joblib"
        joblib.dump(estimator, path)
        return path

    def outputs(self, path: Path, **settings: object) -> list[str]:
        return [entry["name"] for entry in self.ready("sklearn", path, settings=settings)["outputs"]]

    def test_the_default_output_is_chosen(self) -> None:
        model = LogisticRegression(max_iter=500).fit(X, Y)
        path = self.save(model)
        self.assertEqual(self.outputs(path, method="predict_proba"), ["predict_proba", "predict", "decision_function"])
        numpy.testing.assert_array_equal(self.answer("tensors", {"x": X})["predict_proba"], model.predict_proba(X))
        with mock.patch.dict(os.environ, {"PREDICT_PROBA": "TRUE"}):
            self.assertEqual(self.outputs(path)[0], "predict_proba")
            self.assertEqual(self.outputs(path, method="predict")[0], "predict")
        for method, code in (("transform", "which a sklearn.linear_model._logistic.LogisticRegression does not have"), ("guess", "expected one of")):
            self.assertIn(code, self.load("sklearn", path, settings={"method": method}).meta["message"])
        self.ready("sklearn", path, settings={"workers": "2"})
        self.assertEqual(self.description["warnings"], ["--workers has no effect; known are --method"])

    def test_a_data_frame_is_answered_as_its_columns(self) -> None:
        frame = load_iris(as_frame=True).data
        scaler = StandardScaler().set_output(transform="pandas").fit(frame)
        method = self.ready("sklearn", self.save(scaler))
        self.assertEqual([entry["name"] for entry in method["outputs"]], list(frame.columns))
        self.assertTrue(method["batchable"])
        answer = self.answer("tensors", {"x": X[:3]})
        numpy.testing.assert_array_equal(numpy.stack(list(answer.values()), axis=1), scaler.transform(frame.head(3)).to_numpy())
        one = self.answer("tensors", {"x": X[:3]}, outputs=[frame.columns[2]])
        self.assertEqual(list(one), [frame.columns[2]])
        self.assertIn("unknown output 'z'", self.error("tensors", {"x": X[:1]}, outputs=["z"])["message"])

    @unittest.skipUnless(HAS_SKOPS, "without skops")
    def test_skops(self) -> None:
        from skops import io

        path = self.folder / "model.skops"
        model = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=3)).fit(X, Y)
        io.dump(model, path)
        self.ready("sklearn", path)
        numpy.testing.assert_array_equal(self.answer("tensors", {"x": X})["predict"], model.predict(X))
        data = path.read_bytes()
        for wrong in (data[: len(data) // 2], b"", b"PK\x03\x04"):
            path.write_bytes(wrong)
            self.assertIn("not a whole skops file", self.load("sklearn", path).meta["message"])

    @unittest.skipUnless(HAS_SKOPS, "without skops")
    def test_skops_that_names_code(self) -> None:
        from skops import io
        from sklearn.feature_extraction.text import CountVectorizer

        path = self.folder / "model.skops"
        io.dump(make_pipeline(FunctionTransformer(os.path.exists)), path)
        meta = self.load("sklearn", path).meta
        self.assertEqual(meta["code"], "PERMISSION_DENIED")
        self.assertIn("it refers to genericpath.exists, which neither skops nor nitrous knows", meta["message"])
        self.assertEqual(self.load("sklearn", path, trust="pickle").type, frames.READY)
        # Its texts would be names of files of this machine.
        vectorizer = CountVectorizer().fit(["good film", "bad film"])
        io.dump(make_pipeline(vectorizer.set_params(input="filename"), LogisticRegression()), path)
        self.assertIn("input='filename' of a text vectorizer", self.load("sklearn", path).meta["message"])


class Categories(HostTest):
    """Boosters that were trained on data frames with columns of categories."""

    def setUp(self) -> None:
        super().setUp()
        random = numpy.random.default_rng(0)
        self.frame = pandas.DataFrame(
            {"age": random.uniform(18, 80, 200), "city": random.choice(["Rome", "Oslo", "Bonn"], 200), "size": random.choice([1, 5, 7], 200)}
        )
        self.target = self.frame["age"] + self.frame["city"].map({"Rome": 50.0, "Oslo": 0.0, "Bonn": -50.0})
        self.typed = self.frame.astype({"city": "category", "size": "category"})
        self.rows = self.frame.head(3).to_dict("records")

    def test_xgboost(self) -> None:
        import xgboost

        booster = xgboost.train({}, xgboost.DMatrix(self.typed, self.target, enable_categorical=True), 5)
        expected = booster.predict(xgboost.DMatrix(self.typed.head(3), enable_categorical=True))
        for name in ("model.ubj", "model.json"):
            booster.save_model(self.folder / name)
            method = self.ready("xgboost", self.folder / name, settings={"nthread": "1"})
            self.assertEqual([entry["datatype"] for entry in method["inputs"]], ["FP64", "BYTES", "FP64"])
            numpy.testing.assert_array_equal(self.answer("rows", self.rows)["predict"], expected)
        self.assertEqual(self.answer("rows", self.rows, outputs=["leaf"])["leaf"].shape, (3, 5))
        for change, text in (({"city": "Paris"}, "column 'city' cannot be 'Paris'"), ({"size": 2}, "column 'size' cannot be 2"), ({"age": "x"}, "'age' must hold")):
            self.assertIn(text, self.error("rows", [{**self.rows[0], **change}])["message"])
        # Its old form begins so; a table of numbers in it is nothing to newer versions.
        (self.folder / "old.bst").write_bytes(b"binf" + bytes(300))
        self.assertIn("old binary form", self.load("xgboost", self.folder / "old.bst").meta["message"])
        self.assertIn("nthread", self.load("xgboost", self.folder / "model.ubj", settings={"nthread": "many"}).meta["message"])

    def test_lightgbm(self) -> None:
        import lightgbm

        parameters = {"verbose": -1, "min_data_per_group": 1}
        booster = lightgbm.train(parameters, lightgbm.Dataset(self.typed, self.target), 5)
        booster.save_model(self.folder / "model.txt")
        self.ready("lightgbm", self.folder / "model.txt")
        numpy.testing.assert_array_equal(self.answer("rows", self.rows)["predict"], booster.predict(self.typed.head(3)))
        # As LightGBM has it, what training did not have is missing.
        unknown = [{**self.rows[0], "city": "Paris"}, {**self.rows[0], "city": None}]
        first, second = self.answer("rows", unknown)["predict"]
        self.assertEqual(first, second)


class Pmml(HostTest):
    def test_texts_and_numbers(self) -> None:
        method = self.ready("pmml", DATA / "boosting.pmml")
        self.assertEqual((method["accepts"], method["batchable"]), ("frame", True))
        rows = [{"age": 30, "city": "Rome"}, {"age": None, "city": "Oslo"}]
        names = [entry["name"] for entry in method["inputs"]]
        answer = self.answer("rows", [{name: row.get(name) for name in names} for row in rows])
        self.assertEqual(list(answer), ["risk", "probability(bad)", "probability(good)"])
        self.assertEqual(answer["risk"].dtype, object)
        self.ready("pmml", DATA / "linear.pmml")
        error = self.error("rows", [{"age": 30, "income": 1, "city": "Paris", "owner": "no"}])
        self.assertEqual((error["code"], error["message"][:27]), ("INVALID_ARGUMENT", "field 'city' cannot be 'Par"))

    def test_numbers_alone_are_a_matrix(self) -> None:
        method = self.ready("pmml", DATA / "polynomial.pmml")
        self.assertEqual((method["accepts"], method["columns"]), ("matrix", ["age", "income"]))
        answers = [self.answer("rows", [[30, 40]]), self.answer("tensors", {"any": numpy.array([[30.0, 40]])}), self.answer("rows", [{"income": 40, "age": 30}])]
        self.assertEqual(len({answer["limit"][0] for answer in answers}), 1)

    def test_what_needs_jpmml_says_so(self) -> None:
        with mock.patch("nitrous_host.formats.pmml_jpmml.importlib.util.find_spec", return_value=None):
            meta = self.load("pmml", DATA / "bayes.pmml").meta
        self.assertEqual(meta["code"], "FAILED_PRECONDITION")
        self.assertIn("<NaiveBayesModel>", meta["message"])
        self.assertIn("the package jpmml-evaluator (add it to a requirements.txt", meta["message"])
        wrong = self.load("pmml", DATA / "bayes.pmml", settings={"evaluator": "python"}).meta
        self.assertIn("leave out the setting evaluator", wrong["message"])


if __name__ == "__main__":
    unittest.main()
