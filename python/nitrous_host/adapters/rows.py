"""Requests of servers that know one JSON body at a time: each row of a call is one, and their answers are the rows of one answer."""

from __future__ import annotations

from typing import Any

from nitrous_host.custom.results import plain, to_payload
from nitrous_host.errors import HostError
from nitrous_host.payload import Call, Payload


class Rows:
    """
    `values` are the requests: V1 instances as they are; the columns of a V1 request one request together; of tensors one for each
    element of their first dimension, as an object with their names. Raises HostError INVALID_ARGUMENT.
    """

    def __init__(self, call: Call) -> None:
        self._kind = call.payload.kind
        value = call.payload.value
        self.values: list[Any] = _rows_of(value) if self._kind == "tensors" else value if self._kind == "rows" else [value]

    def payload(self, results: list[Any]) -> Payload:
        """Of one answer for each row: for tensors one tensor for each of their keys, or for all of them."""
        if self._kind == "rows":
            return Payload("json", plain(results))
        if self._kind != "tensors":
            return Payload("json", plain(results[0]))
        first = results[0] if results else None
        if isinstance(first, dict) and all(isinstance(each, dict) and each.keys() == first.keys() for each in results):
            return to_payload({key: [plain(each[key]) for each in results] for key in first}, self._kind, None)
        return to_payload([plain(each) for each in results], self._kind, None)

    def chunk(self, result: Any) -> Payload:
        """One answer of a stream, which has one row."""
        return Payload("json", plain(result))


def _rows_of(tensors: dict[str, Any]) -> list[Any]:
    if any(array.ndim == 0 for array in tensors.values()):
        raise HostError("INVALID_ARGUMENT", "tensors need a first dimension: one element of it is one request")
    sizes = {name: len(array) for name, array in tensors.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"'{name}' {size}" for name, size in sizes.items())
        raise HostError("INVALID_ARGUMENT", f"the inputs differ in their first dimension ({told}): one element of it is one request")
    lists = {name: array.tolist() for name, array in tensors.items()}
    return [{name: values[index] for name, values in lists.items()} for index in range(next(iter(sizes.values()), 0))]
