"""A classifier of iris flowers as a plain pickle, for a runtime that loads it itself.

Needs: scikit-learn joblib
Run:   python make.py              makes model/model.pkl
       python make.py --expected   prints what scikit-learn answers to request.json
"""

import json
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).parent
MODEL = HERE / "model" / "model.pkl"


def make() -> None:
    features, species = load_iris(return_X_y=True)
    MODEL.parent.mkdir(exist_ok=True)
    joblib.dump(LogisticRegression(max_iter=1000).fit(features, species), MODEL)


if __name__ == "__main__":
    if "--expected" in sys.argv:
        request = json.loads((HERE / "request.json").read_text())
        print(json.dumps({"predictions": joblib.load(MODEL).predict(request["instances"]).tolist()}))
    else:
        make()
