"""A random forest in a skops file, which loads without pickle; its default answer is the probabilities.

Needs: scikit-learn pandas skops
Run:   python make.py              makes model/model.skops
       python make.py --expected   prints what scikit-learn answers to request.json
"""

import json
import sys
import zipfile
from pathlib import Path

import numpy
import pandas
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

HERE = Path(__file__).parent
MODEL = HERE / "model" / "model.skops"


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
    columns = ColumnTransformer([("words", OneHotEncoder(), ["district"])], remainder="passthrough")
    forest = RandomForestClassifier(5, max_depth=3, random_state=0)
    MODEL.parent.mkdir(exist_ok=True)
    pipeline = Pipeline([("columns", columns), ("classifier", forest)]).fit(frame, cheap)
    skops.io.dump(pipeline, MODEL, compression=zipfile.ZIP_DEFLATED)


def expected() -> dict:
    columns = {entry["name"]: entry["data"] for entry in json.loads((HERE / "request.json").read_text())["inputs"]}
    model = skops.io.load(MODEL, trusted=skops.io.get_untrusted_types(file=MODEL))
    answer = model.predict_proba(pandas.DataFrame(columns))
    return {"outputs": [{"name": "predict_proba", "shape": list(answer.shape), "data": answer.reshape(-1).tolist()}]}


if __name__ == "__main__":
    if "--expected" in sys.argv:
        print(json.dumps(expected()))
    else:
        make()
