"""
Makes the folder `model` with MLflow: a scikit-learn pipeline on a data frame, with a signature and an input example. With
--expected it prints what mlflow.pyfunc answers to request.json.

    pip install mlflow-skinny scikit-learn pandas skops
    python make.py
"""

import json
import shutil
import sys
from pathlib import Path

import mlflow.pyfunc
import pandas

HERE = Path(__file__).parent
COLUMNS = ["alcohol", "malic_acid", "ash", "flavanoids", "proline"]


def make() -> None:
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    wine = load_wine(as_frame=True)
    frame = wine.data[COLUMNS].astype({"proline": "int64"})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, wine.target)
    shutil.rmtree(HERE / "model", ignore_errors=True)
    mlflow.sklearn.save_model(
        model,
        HERE / "model",
        signature=infer_signature(frame, model.predict(frame)),
        input_example=frame[:2],
        serialization_format="skops",
    )


def expected() -> None:
    """Each input of the request is a column of a data frame."""
    request = json.loads((HERE / "request.json").read_text())
    types = {"FP64": "float64", "INT64": "int64"}
    frame = pandas.DataFrame({tensor["name"]: pandas.Series(tensor["data"], dtype=types[tensor["datatype"]]) for tensor in request["inputs"]})
    answer = mlflow.pyfunc.load_model(str(HERE / "model")).predict(frame)
    print(json.dumps({"outputs": [{"name": "predict", "shape": list(answer.shape), "data": answer.tolist()}]}))


if __name__ == "__main__":
    expected() if "--expected" in sys.argv else make()
