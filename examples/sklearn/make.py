"""A scikit-learn pipeline with a column transformer on a data frame: does a flat let within a month?

Needs: scikit-learn pandas joblib
Run:   python make.py              makes model/model.joblib
       python make.py --expected   prints what scikit-learn answers to request.json
"""

import json
import sys
from pathlib import Path

import joblib
import numpy
import pandas
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = Path(__file__).parent
MODEL = HERE / "model" / "model.joblib"


def flats(count: int) -> tuple[pandas.DataFrame, pandas.Series]:
    """Flats to let, and their monthly rents, from a formula with noise."""
    random = numpy.random.default_rng(7)
    frame = pandas.DataFrame(
        {
            "area": random.uniform(20, 140, count).round(1),
            "rooms": random.integers(1, 6, count),
            "district": random.choice(["centre", "harbour", "hills"], count),
        }
    )
    per_metre = frame["district"].map({"centre": 21.0, "harbour": 16.0, "hills": 12.0})
    return frame, (frame["area"] * per_metre + 40 * frame["rooms"] + random.normal(0, 60, count)).round(2)


def make() -> None:
    frame, rent = flats(400)
    cheap = numpy.where(rent / frame["area"] < 18, "soon", "later")
    columns = ColumnTransformer([("numbers", StandardScaler(), ["area", "rooms"]), ("words", OneHotEncoder(), ["district"])])
    pipeline = Pipeline([("columns", columns), ("classifier", LogisticRegression(max_iter=500))]).fit(frame, cheap)
    MODEL.parent.mkdir(exist_ok=True)
    joblib.dump(pipeline, MODEL)


def expected() -> dict:
    frame = pandas.DataFrame(json.loads((HERE / "request.json").read_text())["instances"])
    return {"predictions": joblib.load(MODEL).predict(frame).tolist()}


if __name__ == "__main__":
    if "--expected" in sys.argv:
        print(json.dumps(expected()))
    else:
        make()
