"""Writes scikit-learn forests of different sizes, each as model.pkl in a folder of its own. Arguments: the folder, the number of models."""

import pickle
import sys
from pathlib import Path

from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

folder, count = Path(sys.argv[1]), int(sys.argv[2])
features, labels = make_classification(n_samples=4000, n_features=4, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0)
for index in range(count):
    # From some hundred kibibytes to many mebibytes, evenly in their logarithms.
    trees = round(2 ** (7 * index / max(1, count - 1)))
    forest = RandomForestClassifier(n_estimators=trees, random_state=index, n_jobs=1).fit(features, labels)
    place = folder / f"forest-{index}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "model.pkl").write_bytes(pickle.dumps(forest))
# Last: all are there when this is.
(folder / "complete").write_text(str(count))
