"""Does a flat let within a month? A decision tree of scikit-learn behind a column transformer, as PMML by sklearn2pmml.

Needs: sklearn2pmml jpmml-evaluator pandas, a scikit-learn that sklearn2pmml knows (1.8 does), and Java
Run:   python make.py              makes model/model.pmml, and expected.json: what JPMML answers to request.json
       python make.py --expected   prints that
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
MODEL = HERE / "model" / "model.pmml"
EXPECTED = HERE / "expected.json"


def flats(count: int):
    """Flats to let, and whether each lets soon."""
    import numpy
    import pandas

    random = numpy.random.default_rng(7)
    frame = pandas.DataFrame(
        {
            "area": random.uniform(20, 140, count).round(1),
            "rooms": random.integers(1, 6, count).astype(float),
            "district": random.choice(["centre", "harbour", "hills"], count),
        }
    )
    per_metre = frame["district"].map({"centre": 21.0, "harbour": 16.0, "hills": 12.0}) + 40 * frame["rooms"] / frame["area"]
    return frame, pandas.Series(numpy.where(per_metre < 18, "soon", "later"), name="lets")


def make() -> None:
    from jpmml_evaluator import make_evaluator
    from sklearn2pmml import sklearn2pmml
    from sklearn2pmml.pipeline import PMMLPipeline
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    frame, lets = flats(400)
    columns = ColumnTransformer([("numbers", StandardScaler(), ["area", "rooms"]), ("words", OneHotEncoder(), ["district"])])
    pipeline = PMMLPipeline([("columns", columns), ("classifier", DecisionTreeClassifier(max_depth=5))]).fit(frame, lets)
    pipeline.verify(frame.head(3))
    MODEL.parent.mkdir(exist_ok=True)
    sklearn2pmml(pipeline, MODEL)
    evaluator = make_evaluator(str(MODEL))
    rows = json.loads((HERE / "request.json").read_text())["instances"]
    EXPECTED.write_text(json.dumps({"predictions": [evaluator.evaluate(row) for row in rows]}, indent=2) + "\n")


def expected() -> dict:
    return json.loads(EXPECTED.read_text())


if __name__ == "__main__":
    if "--expected" in sys.argv:
        print(json.dumps(expected()))
    else:
        make()
