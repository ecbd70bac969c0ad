"""Does a flat let within a month? A CatBoost classifier with a categorical feature.

Needs: catboost pandas
Run:   python make.py              makes model/model.cbm
       python make.py --expected   prints what CatBoost answers to request.json
"""

import json
import sys
from pathlib import Path

import catboost
import numpy
import pandas

HERE = Path(__file__).parent
MODEL = HERE / "model" / "model.cbm"


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
    settings = {"iterations": 20, "depth": 4, "thread_count": 1, "random_seed": 0, "allow_writing_files": False}
    model = catboost.CatBoostClassifier(cat_features=["district"], **settings).fit(frame, cheap, verbose=False)
    MODEL.parent.mkdir(exist_ok=True)
    model.save_model(str(MODEL))


def expected() -> dict:
    model = catboost.CatBoostClassifier().load_model(str(MODEL))
    request = json.loads((HERE / "request.json").read_text())
    frame = pandas.DataFrame({entry["name"]: entry["data"] for entry in request["inputs"]})
    probabilities = model.predict_proba(frame)
    return {
        "outputs": [
            {"name": "predict", "shape": [len(frame)], "data": model.predict(frame).tolist()},
            {"name": "predict_proba", "shape": list(probabilities.shape), "data": probabilities.reshape(-1).tolist()},
        ]
    }


if __name__ == "__main__":
    if "--expected" in sys.argv:
        print(json.dumps(expected()))
    else:
        make()
