"""scikit-learn: estimators and pipelines from pickle and joblib files."""

import pickle
import warnings
from typing import Any, Callable, Dict, List, Optional

import joblib
import numpy as np
import sklearn

from ..errors import HostError
from ..example import inputs_of, output_specs, request_of, rows_are_independent
from ..payload import Request
from . import read_example
from .sklearn_inputs import example_frame, frame_columns, make_frame

_OPTIONAL = ("predict_proba", "decision_function", "transform")


def load(meta: dict, report: Callable[[str], None]) -> "SklearnModel":
    report("importing scikit-learn and reading the model")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = _read(meta["file"])
    report("answering a first request")
    return SklearnModel(estimator, _short(caught), read_example(meta))


def _read(file: str) -> Any:
    try:
        if file.endswith(".joblib"):
            return joblib.load(file)
        with open(file, "rb") as stream:
            return pickle.load(stream)
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise HostError("INVALID_ARGUMENT", f"its file is not a pickle that can be read here: {type(error).__name__}: {error}") from error


class SklearnModel:
    """An estimator that answers `predict`, and its other methods as outputs of their names."""

    def __init__(self, estimator: Any, notes: List[str], example: Optional[dict]):
        self._default = next((name for name in ("predict", "transform") if hasattr(estimator, name)), None)
        if self._default is None:
            raise HostError("INVALID_ARGUMENT", f"its file holds a {type(estimator).__name__}, which can neither predict nor transform")
        self._methods = {name: getattr(estimator, name) for name in (self._default, *_OPTIONAL) if hasattr(estimator, name)}
        names = getattr(estimator, "feature_names_in_", None)
        self._columns = None if names is None else [str(name) for name in names]
        described = frame_columns(estimator, self._columns)
        self._is_frame = described is not None
        self._features = getattr(estimator, "n_features_in_", None)
        self._checked = False
        self.description = self._describe(estimator, described, notes, example)

    def call(self, request: Request) -> Dict[str, np.ndarray]:
        wanted = request.outputs or (self._default,)
        table = self._table(request)
        try:
            return {name: self._methods[name](table) for name in wanted}
        except (ValueError, TypeError) as error:
            # scikit-learn refuses bad input with these: NaN, unknown categories, wrong widths.
            raise HostError("INVALID_ARGUMENT", str(error).split("\n")[0]) from error

    def _table(self, request: Request) -> Any:
        if self._is_frame:
            return make_frame(request, self._columns)
        if request.arrays is not None:
            array = next(iter(request.arrays.values()))
        else:
            array = np.asarray(request.rows if request.rows is not None else list((request.columns or {}).values())[0])
        return array if self._columns is None else make_frame(Request(rows=array), self._columns)

    def _describe(self, estimator: Any, described: Optional[Dict[str, dict]], notes: List[str], example: Optional[dict]) -> dict:
        generated = example is None
        if example is None:
            example = self._generate(estimator, described)
        notes = list(notes)
        answers: Dict[str, np.ndarray] = {}
        try:
            request = request_of(example)
            answers = {name: self.call(request._replace(outputs=[name]))[name] for name in self._methods}
        except Exception as error:
            if not generated:
                raise HostError("INVALID_ARGUMENT", f"it does not answer its example.json: {error}") from error
            notes.append(f"no request could be made up to warm it up ({error}); add an example.json to its folder")
        outputs = {name: value for name, value in answers.items() if name == self._default}
        optional = {name: value for name, value in answers.items() if name != self._default}
        if described is not None:
            inputs = [{"name": name, "datatype": column["datatype"], "shape": [-1]} for name, column in described.items()]
        else:
            inputs = [{"name": "input-0", "datatype": "FP64", "shape": [-1, self._features or -1]}]
        signature: dict = {
            "accepts": "matrix" if described is None else "frame",
            "inputs": inputs,
            "outputs": output_specs(outputs, optional) or [{"name": name, "datatype": "FP64", "shape": [-1]} for name in self._methods],
            "convertsNumbers": True,
            "batchable": bool(answers) and self._batchable(estimator, request_of(example), described),
            "streaming": False,
        }
        if described is None and self._columns is not None:
            signature["columns"] = self._columns
        description = {
            "framework": "scikit-learn",
            "frameworkVersion": sklearn.__version__,
            "warnings": notes,
            "methods": {"predict": signature},
        }
        if answers:
            description["example"] = example
        return description

    def _generate(self, estimator: Any, described: Optional[Dict[str, dict]]) -> dict:
        if described is not None:
            return {"inputs": example_frame(described)}
        mean = _training_mean(estimator, self._features or 1)
        return inputs_of({"input-0": ("FP64", mean.reshape(1, -1))})

    def _batchable(self, estimator: Any, request: Request, described: Optional[Dict[str, dict]]) -> bool:
        """Rows of what predicts or transforms row by row are independent; two rows together and apart are the proof."""
        from sklearn.base import is_classifier, is_outlier_detector, is_regressor

        known = is_classifier(estimator) or is_regressor(estimator) or is_outlier_detector(estimator) or self._default == "transform"
        if not (known or hasattr(estimator, "fit_predict")):
            return False
        table = self._table(request)
        first = table.iloc[[0]] if hasattr(table, "iloc") else table[:1]
        second = first.copy()
        for column in range(second.shape[1]):
            value = second.iloc[0, column] if hasattr(second, "iloc") else second[0, column]
            if isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_)):
                if hasattr(second, "iloc"):
                    second.isetitem(column, [value + 1])
                else:
                    second[0, column] = value + 1
        if hasattr(first, "iloc"):
            import pandas

            pair = pandas.concat([first, second], ignore_index=True)
            return rows_are_independent(self._answer_table, pair, lambda rows, index: rows.iloc[index])
        return rows_are_independent(self._answer_table, np.concatenate([first, second]), lambda rows, index: rows[index])

    def _answer_table(self, table: Any) -> Dict[str, np.ndarray]:
        return {name: np.asarray(method(table)) for name, method in self._methods.items()}

    def stream(self, request: Request):
        raise HostError("UNIMPLEMENTED", "scikit-learn models do not stream")


def _training_mean(estimator: Any, features: int) -> np.ndarray:
    """What a fitted scaler saw on average, else zeros."""
    steps = [step for _, step in getattr(estimator, "steps", [])] or [estimator]
    mean = getattr(steps[0], "mean_", None)
    return np.asarray(mean, float) if mean is not None and np.shape(mean) == (features,) else np.zeros(features)


def _short(caught: list) -> List[str]:
    notes = []
    for warning in caught:
        original = getattr(warning.message, "original_sklearn_version", None)
        if original is not None:
            text = f"made with scikit-learn {original}, served with {sklearn.__version__}"
        else:
            text = str(warning.message).split("\n")[0][:200]
        if text not in notes:
            notes.append(text)
    return notes
