"""Metrics that a model counts for itself. The server prints them with its own, over all processes of the model together."""

from __future__ import annotations

import enum
import re
import threading
import weakref
from typing import Any, Sequence

from nitrous_host.triton_python.bridge import bridge
from triton_python_backend_utils.errors import TritonModelException

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")


class MetricKind(enum.Enum):
    COUNTER = 0
    GAUGE = 1
    HISTOGRAM = 2


class _Series:
    """What all metrics of one family with the same labels count together."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.value = 0.0


class _Registered:
    """What all families of one name are, for as long as there is one of them."""

    def __init__(self, name: str, description: str, kind: MetricKind) -> None:
        self.name = name
        self.description = description
        self.kind = kind
        self.series: dict[tuple[tuple[str, str], ...], _Series] = {}

    def tell(self, labels: dict[str, str], buckets: Sequence[float], action: str, value: float) -> None:
        meta: dict[str, Any] = {"name": self.name, "help": self.description, "kind": self.kind.name.lower(), "labels": labels}
        if self.kind is MetricKind.HISTOGRAM:
            meta["buckets"] = buckets
        bridge().count({**meta, "action": action, "value": value})


_registered: weakref.WeakValueDictionary[str, _Registered] = weakref.WeakValueDictionary()


class Metric:
    """One set of labels of a family, which must live as long as it is used."""

    def __init__(self, family: _Registered, labels: dict[str, str], buckets: Sequence[float]) -> None:
        self._family = weakref.ref(family)
        self._kind = family.kind
        self._labels = labels
        self._buckets = buckets
        self._series = family.series.setdefault(tuple(labels.items()), _Series())
        family.tell(labels, buckets, "declare", 0.0)

    def increment(self, value: float) -> None:
        if self._kind is MetricKind.HISTOGRAM or (self._kind is MetricKind.COUNTER and value < 0):
            raise TritonModelException(f"a {self._kind.name.lower()} cannot be incremented by {value}")
        self._change("increment", value)

    def set(self, value: float) -> None:
        self._only(MetricKind.GAUGE, "set")
        self._change("set", value)

    def observe(self, value: float) -> None:
        self._only(MetricKind.HISTOGRAM, "observed")
        self._change("observe", value)

    def value(self) -> float:
        """What this process has counted."""
        if self._kind is MetricKind.HISTOGRAM:
            raise TritonModelException("a histogram has no single value")
        self._alive()
        return self._series.value

    def _change(self, action: str, value: float) -> None:
        family = self._alive()
        number = float(value)
        with self._series.lock:
            self._series.value = number if action == "set" else self._series.value + number
            family.tell(self._labels, self._buckets, action, number)

    def _only(self, kind: MetricKind, what: str) -> None:
        if self._kind is not kind:
            raise TritonModelException(f"a {self._kind.name.lower()} cannot be {what}")

    def _alive(self) -> _Registered:
        family = self._family()
        if family is None:
            raise TritonModelException("Invalid metric operation as the corresponding 'MetricFamily' has been deleted.")
        return family


class MetricFamily:
    COUNTER = MetricKind.COUNTER
    GAUGE = MetricKind.GAUGE
    HISTOGRAM = MetricKind.HISTOGRAM

    def __init__(self, name: str, description: str, kind: MetricKind) -> None:
        kind = MetricKind(kind)
        if not _NAME.match(name):
            raise TritonModelException(f"'{name}' is no name of a metric: expected letters, digits, '_' and ':', and no digit first")
        family = _registered.get(name)
        if family is None:
            family = _registered[name] = _Registered(name, description, kind)
        elif family.kind is not kind:
            raise TritonModelException(f"the metric family '{name}' is a {family.kind.name.lower()} already, not a {kind.name.lower()}")
        self._family = family

    def Metric(self, labels: dict[str, str] | None = None, buckets: Sequence[float] | None = None) -> Metric:  # noqa: N802
        if (buckets is None) == (self._family.kind is MetricKind.HISTOGRAM):
            raise TritonModelException("a histogram has buckets, and no other metric has")
        if buckets is not None and list(buckets) != sorted(set(buckets)):
            raise TritonModelException("the buckets of a histogram must ascend")
        texts = {str(name): str(text) for name, text in sorted((labels or {}).items())}
        return Metric(self._family, texts, [float(bound) for bound in buckets or ()])
