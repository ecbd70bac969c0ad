"""The rule for estimators: classes that scikit-learn, XGBoost or LightGBM define where they keep their estimators."""

from __future__ import annotations

import importlib
import sys
from typing import Any

# Of scikit-learn, the packages and modules below which estimators are defined. Not datasets, externals, inspection,
# metrics or utils: what they define fetches files, mocks estimators, or runs what it is given.
PLACES = frozenset(
    """
    calibration cluster compose covariance cross_decomposition decomposition discriminant_analysis dummy ensemble
    feature_extraction feature_selection frozen gaussian_process impute isotonic kernel_approximation kernel_ridge
    linear_model manifold mixture model_selection multiclass multioutput naive_bayes neighbors neural_network pipeline
    preprocessing random_projection semi_supervised svm tree
    """.split()
)
# Not estimators of dask and Spark, which connect to other machines.
MODULES = frozenset({"xgboost.sklearn", "xgboost.compat", "lightgbm.sklearn"})
# Parts of a path that name no estimators: tests define classes that do anything.
NO_PLACES = frozenset({"tests", "conftest", "setup", "testing", "__main__"})


def may_define_estimators(module: str) -> bool:
    if module in MODULES:
        return True
    package, *parts = module.split(".")
    return package == "sklearn" and bool(parts) and parts[0] in PLACES and NO_PLACES.isdisjoint(parts)


def estimator_class(module: str, name: str) -> type | None:
    """
    The estimator class of that name, or None when the name is something else. Old paths work as far as scikit-learn
    knows them. Raises ImportError and AttributeError as unpickling does.
    """
    if not may_define_estimators(module) or "." in name:
        return None
    from sklearn.base import BaseEstimator

    importlib.import_module(module)
    value: Any = getattr(sys.modules[module], name)
    if not isinstance(value, type) or not issubclass(value, BaseEstimator) or not may_define_estimators(value.__module__):
        return None
    return value
