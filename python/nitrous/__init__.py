"""
What a custom model may import, and need not: every host has this package, and all that it says can be said with plain attributes.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, TypedDict, TypeVar, overload

__all__ = ["Model", "method"]

Function = TypeVar("Function", bound=Callable[..., Any])
# Inputs or outputs by name, such as {"x": "FP32[-1,4]"}; -1 is any size.
Specifications = Mapping[str, str]


class Example(TypedDict, total=False):
    """A request that the model answers before it is ready: Open Inference Protocol inputs, or V1 instances."""

    inputs: list[dict[str, Any]]
    instances: list[Any]


@overload
def method(function: Function) -> Function: ...


@overload
def method(
    *,
    batchable: bool | None = None,
    stateful: bool | None = None,
    inputs: Specifications | None = None,
    outputs: Specifications | None = None,
    padding: Mapping[str, float | str | bool] | None = None,
    unpad: Mapping[str, str] | None = None,
    cost: str | None = None,
    example: Example | Mapping[str, Any] | None = None,
) -> Callable[[Function], Function]: ...


def method(function: Any = None, **declared: Any) -> Any:
    """
    Says more of one method: `batchable`, rows are independent, so requests may share a call; `stateful`, the model keeps state between
    requests with one sequence_id; `inputs` and `outputs` such as {"x": "FP32[-1,4]"}; `padding`, `unpad` and `cost` for requests of
    different lengths; `example`, answered before the model is ready. On a function of a file without a class: it is served.

        @method(batchable=True)
        def encode(self, text: list[str]) -> np.ndarray: ...
    """

    def mark(each: Any) -> Any:
        getattr(each, "__func__", each).__nitrous_method__ = {"served": True, **declared}
        return each

    return mark if function is None else mark(function)


class Model:
    """
    A base class that no model needs: with it an editor completes and checks the attributes that the server reads. Those that hold for
    one of several methods are written by method: `batchable = {"encode"}`, `inputs = {"encode": {"text": "BYTES[-1]"}}`.
    """

    inputs: Specifications | Mapping[str, Specifications]
    outputs: Specifications | Mapping[str, Specifications]
    batchable: bool | set[str]
    stateful: bool | set[str]
    padding: Mapping[str, Any]
    unpad: Mapping[str, Any]
    cost: str | Mapping[str, str]
    example: Example | Mapping[str, Any]
    default_method: str
