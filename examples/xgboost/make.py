"""The rent of a flat by an XGBoost model on a data frame with a column of categories.

Needs: xgboost (or xgboost-cpu) 3.1 or later, pandas
Run:   python make.py              makes model/model.ubj
       python make.py --expected   prints what XGBoost answers to request.json
"""

import json
import sys
from pathlib import Path

import numpy
import pandas
import xgboost

HERE = Path(__file__).parent
MODEL = HERE / "model" / "model.ubj"


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
    frame["district"] = frame["district"].astype("category")
    matrix = xgboost.DMatrix(frame, rent, enable_categorical=True)
    MODEL.parent.mkdir(exist_ok=True)
    xgboost.train({"max_depth": 4, "nthread": 1}, matrix, num_boost_round=30).save_model(MODEL)


def expected() -> dict:
    booster = xgboost.Booster(model_file=MODEL)
    frame = pandas.DataFrame(json.loads((HERE / "request.json").read_text())["instances"])
    frame["district"] = frame["district"].astype("category")
    return {"predictions": booster.predict(xgboost.DMatrix(frame, enable_categorical=True)).tolist()}


if __name__ == "__main__":
    if "--expected" in sys.argv:
        print(json.dumps(expected()))
    else:
        make()
