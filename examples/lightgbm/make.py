"""The rent of a flat by a LightGBM model on a data frame with a column of categories.

Needs: lightgbm pandas
Run:   python make.py              makes model/model.bst
       python make.py --expected   prints what LightGBM answers to request.json
"""

import json
import sys
from pathlib import Path

import lightgbm
import numpy
import pandas

HERE = Path(__file__).parent
MODEL = HERE / "model" / "model.bst"


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
    parameters = {"objective": "regression", "num_leaves": 8, "num_threads": 1, "deterministic": True, "verbose": -1}
    MODEL.parent.mkdir(exist_ok=True)
    lightgbm.train(parameters, lightgbm.Dataset(frame, rent), num_boost_round=30).save_model(MODEL)


def expected() -> dict:
    booster = lightgbm.Booster(model_file=MODEL)
    request = json.loads((HERE / "request.json").read_text())
    frame = pandas.DataFrame({entry["name"]: entry["data"] for entry in request["inputs"]})
    frame["district"] = frame["district"].astype("category")
    leaves = booster.predict(frame, pred_leaf=True)
    return {
        "outputs": [
            {"name": "predict", "shape": [len(frame)], "data": booster.predict(frame).tolist()},
            {"name": "leaf", "shape": list(leaves.shape), "data": leaves.reshape(-1).tolist()},
        ]
    }


if __name__ == "__main__":
    if "--expected" in sys.argv:
        print(json.dumps(expected()))
    else:
        make()
