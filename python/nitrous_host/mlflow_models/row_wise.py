"""Whether an estimator with scikit-learn's interface answers row by row."""

from __future__ import annotations

from typing import Any

KINDS = {"classifier", "regressor", "outlier_detector", "clusterer"}


def is_row_wise(estimator: Any) -> bool:
    kind = getattr(estimator, "_estimator_type", None)
    if kind is None:
        try:
            import sklearn.utils

            kind = sklearn.utils.get_tags(estimator).estimator_type
        except (ImportError, AttributeError, TypeError):
            return False
    return kind in KINDS
