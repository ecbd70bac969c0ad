"""Every estimator of scikit-learn's public list, fitted on a little data."""

from __future__ import annotations

import warnings
from typing import Any, Iterator

import numpy
from sklearn.utils import all_estimators
from sklearn.utils._test_common.instance_generator import _construct_instances

# A method's answer is compared where the estimator has it.
METHODS = ["predict", "predict_proba", "decision_function", "transform"]

_random = numpy.random.RandomState(0)
X = _random.rand(40, 4)
LABELS = numpy.arange(40) % 2
NUMBERS = X[:, 0] * 2 + 1
TEXTS = ["a good film", "a bad film"] * 20
# What fit takes, of most first.
ARGUMENTS: list[tuple[Any, ...]] = [
    (X, LABELS),
    (X, NUMBERS),
    (X, numpy.c_[LABELS, 1 - LABELS]),
    (NUMBERS, LABELS),
    (X @ X.T, None),
    (X,),
    (TEXTS, LABELS),
    ([{"a": 1, "b": 2}, {"a": 3}] * 20,),
    ([["x", "y"], ["x"]] * 20,),
    (_random.rand(4, 8, 8),),
    (LABELS,),
]
OF_TEXTS = {"CountVectorizer", "TfidfVectorizer", "HashingVectorizer"}
SQUARE = {"KernelCenterer"}


def fitted() -> Iterator[tuple[str, Any, Any]]:
    """Name, the fitted estimator (None where nothing fits it), and what it was fitted on."""
    for name, kind in all_estimators():
        if name == "FrozenEstimator":
            # Its instances are an estimator that has been fitted before.
            from sklearn.frozen import FrozenEstimator
            from sklearn.linear_model import LogisticRegression

            yield name, FrozenEstimator(LogisticRegression().fit(X, LABELS)), X
            continue
        if name == "SparseCoder":
            from sklearn.decomposition import SparseCoder

            yield name, SparseCoder(X[:6]).fit(X), X
            continue
        for instance in _construct_instances(kind):
            if "random_state" in instance.get_params():
                instance.set_params(random_state=0)
            yield (name, *_fit(name, instance))


def _fit(name: str, estimator: Any) -> tuple[Any, Any]:
    candidates = [arguments for arguments in ARGUMENTS if (arguments[0] is TEXTS) == (name in OF_TEXTS)]
    if name in SQUARE or getattr(estimator, "kernel", None) == "precomputed" or getattr(estimator, "metric", None) == "precomputed":
        candidates = [(X @ X.T, LABELS), (abs(X @ X.T),)]
    for arguments in candidates:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return estimator.fit(*arguments), arguments[0]
        except (ValueError, TypeError, AttributeError, IndexError):
            continue
    return None, None


def answers_of(estimator: Any, table: Any) -> dict[str, Any]:
    """What each method answers, for those that take the table again."""
    answers = {}
    for method in METHODS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = getattr(estimator, method)(table)
        except (AttributeError, ValueError, TypeError, NotImplementedError, IndexError):
            continue
        answers[method] = answer.toarray() if hasattr(answer, "toarray") else answer
    return answers
