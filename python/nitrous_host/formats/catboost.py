"""CatBoost models in .cbm and .json files, answered as their framework's own class does: classes for a classifier."""

from __future__ import annotations

import os
from typing import Any

import catboost
import numpy
import pandas

from nitrous_host.errors import HostError, trace
from nitrous_host.formats.frame import to_frame
from nitrous_host.formats.matrix import to_matrix
from nitrous_host.formats.tabular import MISFITS, Form, Output, Table, TabularModel
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.payload import Payload
from nitrous_host.settings import one_of, read_settings
from nitrous_host.warmup import Framework, warm_up

# What predict's prediction_type is called there, by the name of the output here.
CLASSIFIER_OUTPUTS = {"predict": "Class", "predict_proba": "Probability", "predict_log_proba": "LogProbability", "raw": "RawFormulaVal"}
CLASSIFIER_LOSSES = {"Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll", "MultiLogloss", "MultiCrossEntropy", "Focal"}
# The first values are of no category of any model, which CatBoost takes as it does in Python.
TEXTS = ("a", "b")


def load(request: LoadRequest, progress: Progress) -> TabularModel:
    """Raises HostError INVALID_ARGUMENT for a file that CatBoost cannot read."""
    progress(f"reading {os.path.basename(request.file)} with catboost {catboost.__version__}")
    model = _read(request.file)
    framework = Framework("catboost", catboost.__version__)
    settings = read_settings(request.settings, {"method": one_of(*CLASSIFIER_OUTPUTS)}, framework.warnings)
    outputs = _outputs_of(model, settings.get("method", "predict"), request.threads)
    progress("answering the warm-up")
    misfits = (*MISFITS, catboost.CatBoostError)
    return warm_up(request, framework, [_form_of(model)], outputs, row_wise=True, misfits=misfits)


def _read(file: str) -> Any:
    name = os.path.basename(file)
    kind = "json" if name.endswith(".json") else "cbm"
    model = catboost.CatBoost()
    try:
        model.load_model(file, format=kind)
    except (catboost.CatBoostError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0].rpartition("cpp:")[2].partition(": ")[2] or str(error).partition("\n")[0]
        message = f"{name} is not a whole CatBoost file ({reason}): copy it again, or write it again with save_model(format='{kind}')"
        raise HostError("INVALID_ARGUMENT", message, trace(error)) from error
    return model


def _outputs_of(model: Any, first: str, threads: int) -> dict[str, Output]:
    """As CatBoostClassifier's predict where the model was trained for classes, else as CatBoostRegressor's and CatBoostRanker's."""
    is_classifier = len(model.classes_) > 0 or _loss_of(model) in CLASSIFIER_LOSSES
    kinds = CLASSIFIER_OUTPUTS if is_classifier else {"predict": _regressor_output(_loss_of(model))}
    if first not in kinds:
        raise HostError("INVALID_ARGUMENT", f"the setting method is {first}, which only a classifier has; this model has {', '.join(kinds)}")

    def predict(kind: str) -> Output:
        return lambda table: model.predict(table, prediction_type=kind, thread_count=threads)

    return {name: predict(kinds[name]) for name in [first, *(name for name in kinds if name != first)]}


def _loss_of(model: Any) -> str:
    """Its name without parameters, or nothing when the file does not say."""
    try:
        return str(model._object._get_loss_function_name()).partition(":")[0]
    except (AttributeError, catboost.CatBoostError):
        return ""


def _regressor_output(loss: str) -> str:
    """CatBoostRegressor's own choice for its losses."""
    return "Exponent" if loss in ("Poisson", "Tweedie") else "RawFormulaVal"


def _form_of(model: Any) -> Form:
    """A matrix of numbers, or a data frame where features are categories, texts or embeddings."""
    names = [str(name) for name in model.feature_names_]
    categories = set(model.get_cat_feature_indices())
    words = categories | set(model.get_text_feature_indices())
    if model.get_embedding_feature_indices():
        raise HostError("FAILED_PRECONDITION", "the model has embedding features, which a table of columns cannot carry")
    is_named = names != [str(index) for index in range(len(names))]
    if not words:
        columns = names if is_named else None

        def inputs(_table: Table | None) -> list[dict[str, Any]]:
            return [{"name": "input-0", "datatype": "FP64", "shape": [-1, len(names)]}]

        def read(payload: Payload) -> Table:
            matrix = to_matrix(payload, columns)
            try:
                return matrix.astype(numpy.float64) if matrix.dtype == object or matrix.dtype == numpy.float16 else matrix
            except (ValueError, TypeError) as error:
                raise HostError("INVALID_ARGUMENT", f"the rows hold something that is no number: {error}") from error

        return Form("matrix", read, inputs, columns, numpy.array([[0.0] * len(names), [1.0] * len(names)]))
    texts = {names[index] for index in words}
    categorical = [names[index] for index in categories]

    def read_frame(payload: Payload) -> Table:
        frame = to_frame(payload, names)
        for name in categorical:
            frame[name] = _as_categories(name, frame[name])
        return frame

    def frame_inputs(_table: Table | None) -> list[dict[str, Any]]:
        return [{"name": name, "datatype": "BYTES" if name in texts else "FP64", "shape": [-1]} for name in names]

    sample = pandas.DataFrame({name: pandas.Series(TEXTS, dtype=object) if name in texts else [0.0, 1.0] for name in names})
    return Form("frame", read_frame, frame_inputs, None, sample)


def _as_categories(name: str, column: pandas.Series) -> pandas.Series:
    """Categories are texts or integers; a column of integers is of floats when it came with others in one datatype, or as JSON with nulls."""
    if column.isna().any():
        raise HostError("INVALID_ARGUMENT", f"column '{name}' has a missing value: a category is a text or an integer; send the one that training had for it")
    if column.dtype.kind == "f" and (column == column.round()).all():
        return column.astype("int64")
    return column
