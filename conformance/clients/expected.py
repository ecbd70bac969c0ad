"""What the frameworks themselves say of the example models: the truth that every client's answers are compared with."""

from typing import Dict, NamedTuple

import joblib
import lightgbm
import numpy as np
import onnxruntime
import pandas as pd
import xgboost
from checks import MODELS
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine


class Case(NamedTuple):
    model: str
    version: str
    inputs: Dict[str, np.ndarray]
    outputs: Dict[str, np.ndarray]


def cases() -> list:
    """Every example model that has a framework, over its whole dataset."""
    flowers = load_iris().data
    cells = load_breast_cancer().data
    patients = load_diabetes().data
    made = []
    for version in ("1", "2"):
        model = joblib.load(MODELS / "iris" / version / "model.joblib")
        outputs = {"predict": model.predict(flowers), "predict_proba": model.predict_proba(flowers)}
        made.append(Case("iris", version, {"x": flowers}, outputs))
    booster = xgboost.Booster(model_file=MODELS / "breast-cancer" / "model.json")
    made.append(Case("breast-cancer", "1", {"x": cells}, {"predict": booster.predict(xgboost.DMatrix(cells))}))
    forest = lightgbm.Booster(model_file=MODELS / "diabetes" / "model.txt")
    made.append(Case("diabetes", "1", {"x": patients}, {"predict": forest.predict(patients)}))
    session = onnxruntime.InferenceSession(MODELS / "iris-onnx" / "model.onnx")
    features = flowers.astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    made.append(Case("iris-onnx", "1", {"features": features}, dict(zip(names, session.run(names, {"features": features})))))
    frame = wine_frame()
    pipeline = joblib.load(MODELS / "wine" / "model.pkl")
    columns = {name: frame[name].to_numpy(object if name == "strength" else float) for name in frame}
    made.append(Case("wine", "1", columns, {"predict": np.asarray(pipeline.predict(frame), object), "predict_proba": pipeline.predict_proba(frame)}))
    lines = np.array(["what a lovely day", "sad and boring", "nothing", "größte good"], dtype=object)
    made.append(Case("sentiment", "1", {"text": lines}, {"label": np.array(["positive", "negative", "neutral", "positive"], object), "score": np.array([2.0, -2, 0, 1])}))
    counts = {"words": np.array([4, 3, 1, 2], np.int32), "characters": np.array([17, 14, 7, 11], np.int32)}
    made.append(Case("text-stats", "1", {"text": lines}, counts))
    return made


def wine_frame() -> pd.DataFrame:
    """As examples/make-models.py makes it."""
    frame = load_wine(as_frame=True).data[["alcohol", "malic_acid", "color_intensity", "proline"]].copy()
    frame["strength"] = np.where(frame.pop("alcohol") > 13, "strong", "light")
    return frame


def same(actual: np.ndarray, expected: np.ndarray) -> str:
    """Empty when labels are equal and numbers agree to 1e-6 relative; else the difference."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape:
        return f"shape {actual.shape} instead of {expected.shape}"
    if expected.dtype.kind == "f":
        wrong = ~np.isclose(actual.astype(float), expected, rtol=1e-6, atol=1e-12)
    else:
        text = [[value.decode() if isinstance(value, bytes) else value for value in array.reshape(-1).tolist()] for array in (actual, expected)]
        wrong = np.array([left != right for left, right in zip(*text)], bool)
    return "" if not wrong.any() else f"{int(wrong.sum())} of {wrong.size} differ, first at {int(np.argmax(wrong))}"


def chunks(case: Case, size: int):
    rows = len(next(iter(case.inputs.values())))
    for start in range(0, rows, size):
        part = slice(start, start + size)
        yield {name: array[part] for name, array in case.inputs.items()}, {name: array[part] for name, array in case.outputs.items()}
