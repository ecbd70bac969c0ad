from __future__ import annotations

import pickle
import tempfile
import unittest
from pathlib import Path
from typing import Any

import joblib
import numpy
import pandas
from fitted_estimators import LABELS, NUMBERS, TEXTS, X, answers_of, fitted
from scipy.stats import loguniform, randint, uniform
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TimeSeriesSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from nitrous_host.pickles import Refused, load_untrusted

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
COMPRESSIONS = [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)]

FRAME = pandas.DataFrame({"city": ["a", "b", "c", "a"] * 10, "age": numpy.arange(40.0), "kind": pandas.Categorical(["u", "v"] * 20)})


class EstimatorTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    # Protocols and compressions to save estimators with.
    ways = (PROTOCOLS, COMPRESSIONS)

    def loaded_in_every_way(self, estimator: Any) -> dict[str, Any]:
        """What the gate loads of each kind of file that the estimator can be saved as."""
        files: dict[str, Path] = {}
        protocols, compressions = self.ways
        for protocol in protocols:
            path = files[f"protocol {protocol}"] = self.folder / f"{protocol}.pkl"
            path.write_bytes(pickle.dumps(estimator, protocol))
        for index, compression in enumerate(compressions):
            path = files[f"joblib {compression}"] = self.folder / f"{index}.joblib"
            joblib.dump(estimator, path, compress=compression)
        return {way: load_untrusted(str(path)) for way, path in files.items()}

    def check(self, estimator: Any, table: Any) -> None:
        expected = answers_of(estimator, table)
        for way, loaded in self.loaded_in_every_way(estimator).items():
            with self.subTest(way):
                self.assertIs(type(loaded), type(estimator))
                self.assertEqual(list(vars(loaded)), list(vars(estimator)))
                answers = answers_of(loaded, table)
                self.assertEqual(answers.keys(), expected.keys())
                for method, answer in answers.items():
                    self.same(answer, expected[method])
                # Nothing of the gate is left in it.
                pickle.dumps(loaded)


    def same(self, answer: Any, expected: Any) -> None:
        """Equal, but for the last bits: they differ with where in memory an array lies."""
        if getattr(answer, "dtype", None) is not None and answer.dtype.kind == "f":
            numpy.testing.assert_allclose(answer, expected, rtol=1e-9, atol=1e-12)
        else:
            numpy.testing.assert_array_equal(answer, expected)


class PublicList(EstimatorTest):
    # The other classes of this file save in the other ways: two hundred estimators take their time.
    ways = (PROTOCOLS[2:], COMPRESSIONS[:2])

    def test_every_estimator_loads_and_answers_the_same(self) -> None:
        names, unfitted, silent = set(), set(), set()
        for name, estimator, table in fitted():
            names.add(name)
            if estimator is None:
                unfitted.add(name)
                continue
            if not answers_of(estimator, table):
                silent.add(name)
            with self.subTest(estimator=repr(estimator)[:80]):
                self.check(estimator, table)
        self.assertGreater(len(names), 190)
        self.assertEqual(unfitted, set())
        # Those have only fit_predict or fit_transform, or kneighbors.
        print(f"\n{len(names)} estimators; without an answer to compare: {', '.join(sorted(silent))}")


class Composed(EstimatorTest):
    def test_pipelines_on_data_frames(self) -> None:
        columns = ColumnTransformer(
            [
                ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
                ("kind", OneHotEncoder(dtype=numpy.float32), make_column_selector(dtype_include="category")),
                ("age", make_pipeline(SimpleImputer(), StandardScaler(), FunctionTransformer(numpy.exp)), make_column_selector("age")),
            ],
            verbose_feature_names_out=False,
        )
        self.check(make_pipeline(columns, LogisticRegression()).fit(FRAME, LABELS), FRAME)
        columns.set_output(transform="pandas")
        dense = columns.set_params(city__sparse_output=False, kind__sparse_output=False)
        self.check(make_pipeline(dense, HistGradientBoostingClassifier(max_iter=3)).fit(FRAME, LABELS), FRAME)

    def test_searches(self) -> None:
        grid = GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, scoring={"f": "f1", "a": "roc_auc"}, refit="f", cv=TimeSeriesSplit(2))
        self.check(grid.fit(X, LABELS), X)
        scorer = make_scorer(mean_squared_error, greater_is_better=False)
        self.check(GridSearchCV(Ridge(), {"alpha": [1, 2]}, scoring=scorer, cv=2).fit(X, NUMBERS), X)
        distributions = {"C": loguniform(0.1, 10), "tol": uniform(0.001, 0.01), "max_iter": randint(50, 60)}
        search = RandomizedSearchCV(LogisticRegression(), distributions, n_iter=2, cv=2, random_state=0).fit(X, LABELS)
        for loaded in self.loaded_in_every_way(search).values():
            numpy.testing.assert_array_equal(loaded.predict_proba(X), search.predict_proba(X))
            self.assertEqual(loaded.best_params_, search.best_params_)

    def test_ensembles_of_different_estimators(self) -> None:
        parts = [("forest", RandomForestClassifier(5)), ("line", LogisticRegression()), ("near", KNeighborsClassifier(algorithm="ball_tree"))]
        self.check(VotingClassifier(parts, voting="soft").fit(X, LABELS), X)
        self.check(StackingClassifier(parts, cv=2).fit(X, LABELS), X)
        union = FeatureUnion([("all", StandardScaler()), ("some", SelectKBest(chi2, k=2))])
        self.check(make_pipeline(union, SVC(probability=False)).fit(X, LABELS), X)

    def test_what_estimators_are_given(self) -> None:
        self.check(make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(TEXTS, LABELS), TEXTS)
        self.check(TransformedTargetRegressor(Ridge(), func=numpy.log1p, inverse_func=numpy.expm1).fit(X, NUMBERS), X)
        kernel = kernels.Matern(nu=1.5) * kernels.RationalQuadratic() + kernels.WhiteKernel()
        self.check(GaussianProcessRegressor(kernel).fit(X, NUMBERS), X)
        self.check(GradientBoostingRegressor(n_estimators=3, loss="huber", random_state=numpy.random.RandomState(1)).fit(X, NUMBERS), X)
        self.check(KNeighborsClassifier(metric="minkowski", p=3).fit(X.astype(numpy.float32), LABELS), X.astype(numpy.float32))
        self.check(RandomForestClassifier(3).fit(X, numpy.array(["no", "yes"], dtype=object)[LABELS]), X)
        self.check(RandomForestClassifier(3).fit(X, numpy.array(["no", "yes"])[LABELS]), X)
        cached = make_pipeline(StandardScaler(), LogisticRegression(), memory=joblib.Memory(str(self.folder / "cache"), verbose=0)).fit(X, LABELS)
        for loaded in self.loaded_in_every_way(cached).values():
            numpy.testing.assert_array_equal(loaded.predict(X), cached.predict(X))

    def test_mapped_arrays_are_read_as_others(self) -> None:
        mapped = numpy.memmap(self.folder / "mapped", dtype="f8", mode="w+", shape=X.shape)
        mapped[:] = X
        model = KNeighborsClassifier(algorithm="brute").fit(X, LABELS)
        model._fit_X = mapped
        self.check(model, X)

    def test_a_function_of_ones_own_is_refused_by_its_name(self) -> None:
        path = self.folder / "model.joblib"
        joblib.dump(FunctionTransformer(answers_of), path)
        with self.assertRaises(Refused) as caught:
            load_untrusted(str(path))
        self.assertEqual(caught.exception.name, "fitted_estimators.answers_of")


class Boosters(EstimatorTest):
    def test_xgboost(self) -> None:
        import xgboost

        for kind, goal in [("XGBClassifier", LABELS), ("XGBRFClassifier", LABELS), ("XGBRegressor", NUMBERS), ("XGBRFRegressor", NUMBERS)]:
            self.check(getattr(xgboost, kind)(n_estimators=3).fit(X, goal), X)
        self.check(xgboost.XGBRanker(n_estimators=3).fit(X, LABELS, qid=numpy.repeat([0, 1], 20)), X)
        early = xgboost.XGBClassifier(n_estimators=3, callbacks=[xgboost.callback.EarlyStopping(2)])
        self.check(early.fit(X, LABELS, eval_set=[(X, LABELS)], verbose=False), X)
        booster = xgboost.XGBRegressor(n_estimators=3).fit(X, NUMBERS).get_booster()
        for loaded in self.loaded_in_every_way(booster).values():
            self.assertEqual(loaded.get_dump(), booster.get_dump())

    def test_lightgbm(self) -> None:
        import lightgbm

        for kind, goal in [("LGBMClassifier", LABELS), ("LGBMRegressor", NUMBERS)]:
            model = getattr(lightgbm, kind)(n_estimators=3, min_child_samples=2, verbose=-1)
            self.check(model.fit(X, goal, eval_set=[(X, goal)]), X)
        frame = lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=2, verbose=-1).fit(FRAME[["age", "kind"]], LABELS)
        self.check(frame, FRAME[["age", "kind"]])
        self.check(lightgbm.LGBMRanker(n_estimators=3, min_child_samples=2, verbose=-1).fit(X, LABELS, group=[20, 20]), X)


if __name__ == "__main__":
    unittest.main()
