"""Times of a handler's steps."""

from __future__ import annotations

import functools
import time
from typing import Any, Callable


def timed(func: Callable[..., Any]) -> Callable[..., Any]:
    """A method that adds the metric ts_handler_NAME in milliseconds where model-config.yaml says `handler: {profile: true}`."""

    @functools.wraps(func)
    def measured(self: Any, *args: Any, **kwargs: Any) -> Any:
        context = getattr(self, "context", None)
        options = (getattr(context, "model_yaml_config", None) or {}).get("handler")
        if not isinstance(options, dict) or not options.get("profile"):
            return func(self, *args, **kwargs)
        started = time.perf_counter()
        result = func(self, *args, **kwargs)
        context.metrics.add_time(f"ts_handler_{func.__name__}", (time.perf_counter() - started) * 1000)
        return result

    return measured
