"""The object behind `context.metrics`: it takes what handlers add and keeps the latest value of each metric, for the handler itself."""

from __future__ import annotations

from typing import Any, Sequence

from ts.metrics.metric_type_enum import MetricTypes

TIMES = ("ms", "s")
SIZES = ("MB", "kB", "GB", "B")


class Metric:
    """One metric; counters add up, others have their latest value."""

    def __init__(self, metric_name: str, unit: str, metric_type: MetricTypes) -> None:
        self.metric_name = metric_name
        self.unit = unit
        self.metric_type = metric_type
        self.value: float = 0

    def add_or_update(self, value: float, dimension_values: Sequence[str] = (), request_id: str = "") -> None:
        self.value = self.value + value if self.metric_type is MetricTypes.COUNTER else value

    update = add_or_update


class MetricsStore:
    """The methods of TorchServe's custom metrics API. Raises ValueError for units that it does not know."""

    def __init__(self, request_ids: Any = None, model_name: str = "") -> None:
        self.request_ids = request_ids
        self.model_name = model_name
        self.cache: dict[tuple[MetricTypes, str], Metric] = {}

    def get_metric(self, metric_name: str, metric_type: MetricTypes = MetricTypes.COUNTER) -> Metric:
        return self.cache[metric_type, metric_name]

    def add_metric_to_cache(
        self, metric_name: str, unit: str, dimension_names: Sequence[str] = (), metric_type: MetricTypes = MetricTypes.COUNTER
    ) -> Metric:
        return self.cache.setdefault((metric_type, metric_name), Metric(metric_name, unit, metric_type))

    def add_metric(
        self, name: str, value: float, unit: str, idx: Any = None, dimensions: Any = None, metric_type: MetricTypes = MetricTypes.COUNTER
    ) -> None:
        self.add_metric_to_cache(name, unit, (), metric_type).add_or_update(value)

    def add_counter(self, name: str, value: float, idx: Any = None, dimensions: Any = None) -> None:
        self.add_metric(name, value, "count")

    def add_time(
        self, name: str, value: float, idx: Any = None, unit: str = "ms", dimensions: Any = None, metric_type: MetricTypes = MetricTypes.GAUGE
    ) -> None:
        if unit not in TIMES:
            raise ValueError(f"the unit of a time is one of {', '.join(TIMES)}, not {unit}")
        self.add_metric(name, value, unit, metric_type=metric_type)

    def add_size(
        self, name: str, value: float, idx: Any = None, unit: str = "MB", dimensions: Any = None, metric_type: MetricTypes = MetricTypes.GAUGE
    ) -> None:
        if unit not in SIZES:
            raise ValueError(f"the unit of a size is one of {', '.join(SIZES)}, not {unit}")
        self.add_metric(name, value, unit, metric_type=metric_type)

    def add_percent(
        self, name: str, value: float, idx: Any = None, dimensions: Any = None, metric_type: MetricTypes = MetricTypes.GAUGE
    ) -> None:
        self.add_metric(name, value, "percent", metric_type=metric_type)

    def add_error(self, name: str, value: float, dimensions: Any = None) -> None:
        self.add_metric(name, value, "")
