"""Writes a random forest of 200 trees as an ordinary pickle, and an example request beside it. Argument: the folder."""

import json
import pickle
import sys
from pathlib import Path

from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

folder = Path(sys.argv[1])
features, labels = make_classification(n_samples=5000, n_features=64, n_informative=24, n_classes=3, random_state=0)
forest = RandomForestClassifier(n_estimators=200, max_depth=12, random_state=0).fit(features, labels)
row = {"name": "x", "datatype": "FP64", "shape": [1, 64], "data": [round(value, 3) for value in features[0].tolist()]}
folder.mkdir(parents=True, exist_ok=True)
(folder / "example.json").write_text(json.dumps({"inputs": [row]}))
# Last: the folder is whole when this is there.
(folder / "model.pkl").write_bytes(pickle.dumps(forest))
