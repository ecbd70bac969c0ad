"""Services, and the methods of theirs that are served."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

MARK = "__bentoml_api__"


@dataclass
class ApiMethod:
    func: Callable[..., Any]
    batchable: bool = False
    batch_dim: Any = 0
    max_batch_size: int = 100
    max_latency_ms: int = 60_000


@dataclass
class Service:
    """`inner` is the class; calling the service makes one of it."""

    inner: type
    name: str
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def apis(self) -> dict[str, ApiMethod]:
        found = {name: getattr(value, MARK, None) for each in reversed(self.inner.__mro__) for name, value in vars(each).items()}
        return {name: api for name, api in found.items() if isinstance(api, ApiMethod)}

    @property
    def dependencies(self) -> dict[str, "Dependency"]:
        return {name: value for name, value in vars(self.inner).items() if isinstance(value, Dependency)}

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.inner(*arguments, **options)


class Dependency:
    """Another service as an attribute, which is made when it is first needed."""

    def __init__(self, on: Service) -> None:
        self.on = on
        self._made: Any = None

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        if self._made is None:
            self._made = self.on()
        return self._made


def service(inner: type | None = None, /, *, name: str | None = None, **config: Any) -> Any:
    """`@bentoml.service`, with or without options. Those about workers, traffic and resources have no effect here."""

    def decorate(decorated: type) -> Service:
        return Service(decorated, name or decorated.__name__, config)

    return decorate if inner is None else decorate(inner)


def api(
    func: Callable[..., Any] | None = None,
    *,
    route: str | None = None,
    name: str | None = None,
    input_spec: Any = None,
    output_spec: Any = None,
    batchable: bool = False,
    batch_dim: Any = 0,
    max_batch_size: int = 100,
    max_latency_ms: int = 60_000,
) -> Any:
    """`@bentoml.api`, with or without options. Methods are served under their own names, whatever their route."""
    if batch_dim not in (0, (0, 0)):
        raise ValueError("only a first dimension can be a batch: leave out batch_dim")
    if input_spec is not None or output_spec is not None:
        raise ValueError("input_spec and output_spec need the real package: add bentoml to requirements.txt")

    def decorate(decorated: Callable[..., Any]) -> Callable[..., Any]:
        setattr(decorated, MARK, ApiMethod(decorated, batchable, batch_dim, max_batch_size, max_latency_ms))
        return decorated

    return decorate if func is None else decorate(func)


task = api


def depends(on: Service | None = None, *, url: str | None = None, deployment: str | None = None, cluster: str | None = None) -> Any:
    if on is None or url is not None or deployment is not None:
        raise ValueError("only services of the same file can be depended on; others need the real package: add bentoml to requirements.txt")
    return Dependency(on)


def on_startup(func: Callable[..., Any]) -> Callable[..., Any]:
    func.__bentoml_startup_hook__ = True  # type: ignore[attr-defined]
    return func


def on_shutdown(func: Callable[..., Any]) -> Callable[..., Any]:
    """The process ends with its model, and nothing waits for what it would still do."""
    return func
