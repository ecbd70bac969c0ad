"""Makes the example models from the datasets that ship with scikit-learn. Each is a few kilobytes and committed.

Needs: scikit-learn pandas xgboost-cpu lightgbm skl2onnx
Run:   python examples/make-models.py
"""

import json
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pickle
import xgboost
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

MODELS = Path(__file__).parent / "models"


def example(path: str, name: str, rows, datatype: str = "FP64") -> None:
    """A request with two rows of the data, as example.json beside the model."""
    flat = [round(float(value), 6) for value in np.asarray(rows)[:2].reshape(-1)]
    request = {"inputs": [{"name": name, "shape": [2, np.shape(rows)[1]], "datatype": datatype, "data": flat}]}
    place(f"{path}/example.json").write_text(json.dumps(request) + "\n")


def iris() -> None:
    """A classifier; version 2 is scaled first."""
    data, target = load_iris(return_X_y=True)
    joblib.dump(LogisticRegression(max_iter=500).fit(data, target), place("iris/1/model.joblib"))
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(data, target), place("iris/2/model.joblib"))
    example("iris", "flowers", data[[0, 100]])


def wine_frame():
    """The wine data with one column as words, and the cultivars' names to predict."""
    data = load_wine(as_frame=True)
    frame = data.data[["alcohol", "malic_acid", "color_intensity", "proline"]].copy()
    frame["strength"] = np.where(frame.pop("alcohol") > 13, "strong", "light")
    return frame, data.target_names[data.target]


def wine() -> None:
    """A pipeline on a data frame with a column of strings; it answers strings."""
    frame, target = wine_frame()
    numbers = ["malic_acid", "color_intensity", "proline"]
    columns = ColumnTransformer([("numbers", StandardScaler(), numbers), ("words", OneHotEncoder(), ["strength"])])
    pipeline = Pipeline([("columns", columns), ("classifier", LogisticRegression(max_iter=500))]).fit(frame, target)
    with open(place("wine/model.pkl"), "wb") as file:
        pickle.dump(pipeline, file)
    example = {"instances": json.loads(frame.head(2).to_json(orient="records"))}
    place("wine/example.json").write_text(json.dumps(example, indent=2) + "\n")


def breast_cancer() -> None:
    data, target = load_breast_cancer(return_X_y=True)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, xgboost.DMatrix(data, target), num_boost_round=20)
    booster.save_model(place("breast-cancer/model.json"))
    example("breast-cancer", "cells", data[[0, 19]])


def diabetes() -> None:
    data, target = load_diabetes(return_X_y=True)
    parameters = {"objective": "regression", "num_leaves": 8, "num_threads": 1, "deterministic": True, "verbose": -1}
    lightgbm.train(parameters, lightgbm.Dataset(data, target), num_boost_round=30).save_model(place("diabetes/model.txt"))
    example("diabetes", "patients", data)


def iris_onnx() -> None:
    """Labels and probabilities of the iris classifier, as ONNX: one input, two outputs."""
    data, target = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(data, target)
    graph = to_onnx(model, initial_types=[("features", FloatTensorType([None, 4]))], options={"zipmap": False}, target_opset=17)
    for value in (*graph.graph.input, *graph.graph.output):
        dimension = value.type.tensor_type.shape.dim[0]
        dimension.Clear()
        dimension.dim_param = "batch"
    place("iris-onnx/model.onnx").write_bytes(graph.SerializeToString())
    example("iris-onnx", "features", data[[0, 100]], "FP32")


def place(path: str) -> Path:
    file = MODELS / path
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


if __name__ == "__main__":
    for make in (iris, wine, breast_cancer, diabetes, iris_onnx):
        make()
    print(f"{sum(file.stat().st_size for file in MODELS.rglob('*') if file.is_file())} bytes under {MODELS.name}/")
