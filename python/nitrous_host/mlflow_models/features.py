"""Estimators for which a matrix is as good as a data frame, whose names they only compare."""

from __future__ import annotations

from typing import Any

# Where estimators select columns by name or type, or call functions with what they are given.
BY_NAME = ("sklearn.compose.", "sklearn.preprocessing._function_transformer")
PACKAGES = ("sklearn.", "xgboost.", "lightgbm.")


def features_of(estimator: Any) -> list[str] | None:
    """The names of the columns that the estimator was fitted on; None where it may do more with a data frame than compare them."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return [str(name) for name in names] if all(_is_plain(part) for part in _parts(estimator)) else None


def _is_plain(part: Any) -> bool:
    module = type(part).__module__
    return module.startswith(PACKAGES) and not module.startswith(BY_NAME) and getattr(part, "_sklearn_output_config", {}).get("transform") is None


def _parts(estimator: Any) -> list[Any]:
    """The estimator and those that it was made of."""
    parameters = estimator.get_params(deep=True).values() if hasattr(estimator, "get_params") else []
    return [estimator, *(value for value in parameters if hasattr(value, "get_params"))]
