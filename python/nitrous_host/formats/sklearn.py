"""scikit-learn estimators in pickle, joblib and skops files."""

from __future__ import annotations

import math
import os
import pickle
import struct
import warnings
import zlib
from typing import Any

import numpy
import sklearn
import sklearn.utils
import threadpoolctl

from nitrous_host.errors import HostError, summary, trace
from nitrous_host.formats import sklearn_inputs
from nitrous_host.formats.skops_files import ENDING, load_skops
from nitrous_host.formats.tabular import Output, Table, TabularModel
from nitrous_host.model import LoadRequest, Progress
from nitrous_host.pickles import Refused, load_trusted, load_untrusted
from nitrous_host.settings import one_of, read_settings
from nitrous_host.warmup import Framework, warm_up

# Kinds of estimators whose predict answers row by row.
ROW_WISE_KINDS = {"classifier", "regressor", "outlier_detector", "clusterer"}
METHODS = ("predict", "predict_proba", "decision_function", "transform")
# KServe's variable of the model's container.
PROBABILITIES = "PREDICT_PROBA"
# What unpickling raises for bytes that are no pickle, or only the beginning of one.
NOT_A_PICKLE = (pickle.UnpicklingError, EOFError, IndexError, KeyError, UnicodeDecodeError, OverflowError, struct.error, zlib.error)


def load(request: LoadRequest, progress: Progress) -> TabularModel:
    """Raises HostError, and ImportError for a package that the pickle needs."""
    threadpoolctl.threadpool_limits(request.threads)
    progress(f"reading {os.path.basename(request.file)} with scikit-learn {sklearn.__version__}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = _unpickle(request)
    framework = Framework("scikit-learn", sklearn.__version__, _warnings_of(estimator, caught))
    settings = read_settings(request.settings, {"method": one_of(*METHODS)}, framework.warnings)
    outputs = _outputs_of(estimator, settings.get("method"))
    # A matrix without names is what most clients send to a model that was fitted on a data frame.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    _limit_jobs(estimator, request.threads)
    progress("answering the warm-up")
    return warm_up(request, framework, sklearn_inputs.forms_of(estimator), outputs, _is_row_wise(estimator))


def _unpickle(request: LoadRequest) -> Any:
    name = os.path.basename(request.file)
    if name.endswith(ENDING):
        return load_skops(request.file, request.model, request.trust == "pickle")
    try:
        return (load_trusted if request.trust == "pickle" else load_untrusted)(request.file)
    except (ImportError, MemoryError):
        raise
    except Refused as refusal:
        raise HostError("PERMISSION_DENIED", _why_refused(request.model, name, refusal.name), trace(refusal)) from refusal
    except NOT_A_PICKLE as error:
        raise _not_whole(name, error) from error
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith("EOF: reading array data"):
            raise _not_whole(name, error) from error
        message = f"{name} cannot be loaded with scikit-learn {sklearn.__version__}: {summary(error)}"
        raise HostError("FAILED_PRECONDITION", message, trace(error)) from error


def _not_whole(name: str, error: Exception) -> HostError:
    kind = "joblib" if name.endswith(".joblib") else "pickle"
    message = f"{name} is not a whole {kind} file ({summary(error)}): copy it again, or write it again with {kind}.dump"
    return HostError("INVALID_ARGUMENT", message, trace(error))


def _why_refused(model: str, file: str, name: str) -> str:
    reason = f"{file} was refused: it refers to {name}, which could run code when it is loaded"
    return f"{reason}. If you trust where the file comes from, allow it: annotation nitrous/trust: pickle, or nitrous serve --trust {model}"


def _outputs_of(estimator: Any, wanted: str | None) -> dict[str, Output]:
    """
    Methods by output name, the default one first: the one that the setting says, else KServe's variable PREDICT_PROBA where the
    estimator has probabilities, else predict, else transform. Raises HostError INVALID_ARGUMENT for what it does not have.
    """
    names = [name for name in METHODS if callable(getattr(estimator, name, None))]
    kind = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
    if not names:
        raise HostError("INVALID_ARGUMENT", f"the file holds a {kind}, which has neither predict nor transform")
    if wanted is not None and wanted not in names:
        raise HostError("INVALID_ARGUMENT", f"the setting method is {wanted}, which a {kind} does not have; it has {', '.join(names)}")
    if wanted is None and "predict_proba" in names and os.environ.get(PROBABILITIES, "").lower() == "true":
        wanted = "predict_proba"
    if "predict" not in names:
        names = [name for name in names if name == "transform"] or names
    if wanted is not None:
        names = [wanted, *(name for name in names if name != wanted)]
    is_linear = type(estimator).__module__.startswith("sklearn.linear_model.")
    return {name: _checked_once(getattr(estimator, name)) if is_linear else getattr(estimator, name) for name in names}


def _checked_once(method: Output) -> Output:
    """
    A method of an estimator that looks at nothing but its input, without scikit-learn's own search for NaN and infinity
    where the sum shows that there are none: 9 of 102 microseconds for a logistic regression of 8 rows.
    """

    def run(table: Table) -> Any:
        if not isinstance(table, numpy.ndarray) or table.dtype.kind != "f" or not math.isfinite(table.sum()):
            return method(table)
        sklearn.set_config(assume_finite=True)
        try:
            return method(table)
        finally:
            sklearn.set_config(assume_finite=False)

    return run


def _is_row_wise(estimator: Any) -> bool:
    """A classifier, regressor, outlier detector or clusterer, or a transformer without predict."""
    if not hasattr(estimator, "predict"):
        return True
    kind = getattr(estimator, "_estimator_type", None)
    if kind is None:
        try:
            kind = sklearn.utils.get_tags(estimator).estimator_type
        except (AttributeError, TypeError):
            return False
    return kind in ROW_WISE_KINDS


def _limit_jobs(estimator: Any, threads: int) -> None:
    """Parallel estimators (n_jobs=-1 in training) would start more threads for each small call than the call is worth."""
    if hasattr(estimator, "get_params") and hasattr(estimator, "set_params"):
        jobs = {key: value for key, value in estimator.get_params().items() if key.rpartition("__")[2] == "n_jobs"}
        for key, value in jobs.items():
            if value is not None:
                estimator.set_params(**{key: threads})


def _warnings_of(estimator: Any, caught: list[warnings.WarningMessage]) -> list[str]:
    """The versions that differ, then every other warning of the load, once and on one line."""
    made_with = {getattr(warning.message, "original_sklearn_version", None) for warning in caught}
    made_with.add(getattr(estimator, "__dict__", {}).get("_sklearn_version"))
    texts = [
        f"made with scikit-learn {version}, served with {sklearn.__version__}"
        for version in sorted(version for version in made_with if version)
        if version != sklearn.__version__
    ]
    for warning in caught:
        if getattr(warning.message, "original_sklearn_version", None) is None:
            texts.append(" ".join(str(warning.message).split())[:300])
    return list(dict.fromkeys(texts))
