"""Payloads: what a call carries, and its form in a frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable

from nitrous_host import tensors
from nitrous_host.errors import HostError
from nitrous_host.frames import Blob, encode_json


@dataclass
class Payload:
    """
    `kind` says what `value` is: "tensors" a dict of numpy arrays by name, "rows" a list of JSON values,
    "columns" a dict of JSON arrays by input name, "json" any JSON value.
    """

    kind: str
    value: Any


@dataclass
class Call:
    """One call of a model's method; `outputs` None means the method's own default, and `cancelled` tells when nobody waits any more."""

    method: str
    payload: Payload
    outputs: list[str] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    cancelled: Callable[[], bool] = lambda: False
    # Of a padded batch, by input: for each request its rows, and then the sizes that its padded dimensions had.
    lengths: dict[str, list[list[int]]] = field(default_factory=dict)


def read_call(meta: dict[str, Any], body: memoryview) -> Call:
    """The call of an infer frame. Raises HostError INVALID_ARGUMENT."""
    lengths = meta.get("lengths") or {}
    return Call(meta["method"], read_payload(meta, body), meta.get("outputs"), meta.get("parameters") or {}, lengths=lengths)


def read_payload(meta: dict[str, Any], body: memoryview) -> Payload:
    """The payload of a frame. Raises HostError INVALID_ARGUMENT when there is none or its tensors are wrong."""
    if "tensors" in meta:
        return Payload("tensors", tensors.read_tensors(meta["tensors"], body))
    for kind, form in (("rows", list), ("columns", dict), ("json", object)):
        if kind in meta and isinstance(meta[kind], form):
            return Payload(kind, meta[kind])
    raise HostError("INVALID_ARGUMENT", "the call carries none of tensors, rows, columns and json")


def write_payload(payload: Payload) -> tuple[dict[str, Any], list[Blob]]:
    """Metadata and blobs of a payload. Raises HostError INTERNAL for arrays that have no datatype."""
    if payload.kind != "tensors":
        return {payload.kind: payload.value}, []
    entries: list[dict[str, Any]] = []
    blobs: list[Blob] = []
    for name, array in payload.value.items():
        entry, blob = tensors.write_tensor(name, array)
        entries.append(entry)
        blobs.append(blob)
    return {"tensors": entries}, blobs


def write_members(payload: Payload) -> tuple[bytes, list[Blob]]:
    """The same as members of a JSON object, without its braces. Raises also what `encode_json` raises."""
    if payload.kind != "tensors":
        return b'"%b":%b' % (payload.kind.encode(), encode_json(payload.value)), []
    entries: list[bytes] = []
    blobs: list[Blob] = []
    for name, array in payload.value.items():
        datatype, shape, blob = tensors.write_array(name, array)
        entries.append(tensors.entry_json(name, datatype, shape, len(blob)))
        blobs.append(blob)
    return b'"tensors":[%b]' % b",".join(entries), blobs
