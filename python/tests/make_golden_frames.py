"""Writes the golden frames of testdata/frames: `PYTHONPATH=python python python/tests/make_golden_frames.py`."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

from nitrous_host import frames

FOLDER = Path(__file__).resolve().parents[2] / "testdata" / "frames"


def elements(*values: bytes) -> bytes:
    """The blob of a BYTES tensor."""
    return b"".join(struct.pack("<I", len(value)) + value for value in values)


def tensor(name: str, datatype: str, shape: list[int], blob: bytes) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "bytes": len(blob)}


INT64 = struct.pack("<3q", -(2**63), 2**63 - 1, 9007199254740993)
UINT64 = struct.pack("<1Q", 2**64 - 1)
FP32 = struct.pack("<3f", 1.5, -2.25, 0.0)
BOOL = bytes([1, 0, 1, 1, 0])
FP64 = struct.pack("<4d", 5.1, 3.5, 1.4, 0.2)
TEXT = elements("Grüße 🎉".encode(), b"", b"\xff\x00\xfe")
LABELS = elements(b"setosa")
FP16 = struct.pack("<2e", 0.5, -65504.0)

DESCRIPTION = {
    "framework": "scikit-learn",
    "frameworkVersion": "1.9.1",
    "warnings": [],
    "example": {"inputs": [{"name": "input-0", "datatype": "FP64", "shape": [1, 4], "data": [0, 0, 0, 0]}]},
    "methods": {
        "predict": {
            "accepts": "matrix",
            "inputs": [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}],
            "outputs": [
                {"name": "predict", "datatype": "INT64", "shape": [-1]},
                {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 3], "optional": True},
            ],
            "convertsNumbers": True,
            "batchable": True,
            "streaming": False,
        }
    },
}

LOAD = {
    "model": "iris",
    "version": "1",
    "format": "sklearn",
    "file": "/models/iris/model.pkl",
    "directory": "/models/iris",
    "example": None,
    "threads": 1,
    "trust": "none",
}

VALID: dict[str, tuple[int, int, dict[str, Any], list[bytes]]] = {
    "hello": (
        frames.HELLO,
        0,
        {"protocol": 1, "host": "python", "version": "0.1.0", "language": "CPython 3.11.7", "pid": 4242, "credit": 2},
        [],
    ),
    "load": (frames.LOAD, 1, LOAD, []),
    "progress": (frames.PROGRESS, 1, {"step": 'reading "Modèle" \\ 1/2\n'}, []),
    "ready": (frames.READY, 1, {"description": DESCRIPTION}, []),
    "infer-matrix": (
        frames.INFER,
        2,
        {"model": 1, "method": "predict", "tensors": [tensor("input-0", "FP64", [1, 4], FP64)]},
        [FP64],
    ),
    "infer-several-blobs": (
        frames.INFER,
        4294967295,
        {
            "model": 1,
            "method": "predict",
            "outputs": ["a", "b"],
            "parameters": {"scale": 2, "mode": "fast"},
            "tensors": [
                tensor("flags", "BOOL", [5], BOOL),
                tensor("small", "FP32", [3, 1], FP32),
                tensor("empty", "INT32", [0, 3], b""),
                tensor("half", "FP16", [2], FP16),
                tensor("text", "BYTES", [3], TEXT),
            ],
        },
        [BOOL, FP32, b"", FP16, TEXT],
    ),
    "infer-rows": (
        frames.INFER,
        3,
        {"model": 1, "method": "predict", "rows": [9007199254740993, -9223372036854775808, 18446744073709551615, None, "ä", {"x": [True]}]},
        [],
    ),
    "infer-columns": (frames.INFER, 4, {"model": 1, "method": "predict", "columns": {"age": [31, None], "city": ["Köln", "Łódź"]}}, []),
    "infer-stream": (frames.INFER, 5, {"model": 1, "method": "predict", "rows": ["a"], "credit": 4}, []),
    "result-64-bit": (
        frames.RESULT,
        2,
        {"tensors": [tensor("signed", "INT64", [3], INT64), tensor("unsigned", "UINT64", [1], UINT64)], "computeMs": 0.125},
        [INT64, UINT64],
    ),
    "result-empty": (frames.RESULT, 2, {"tensors": [], "computeMs": 0}, []),
    "chunk": (frames.CHUNK, 5, {"tensors": [tensor("label", "BYTES", [1], LABELS)]}, [LABELS]),
    "chunk-json": (frames.CHUNK, 5, {"json": {"token": "\u2028 \u0007", "done": False}}, []),
    "end": (frames.END, 5, {"computeMs": 12.5}, []),
    "error": (frames.ERROR, 3, {"code": "INVALID_ARGUMENT", "message": "missing 'age'", "detail": "Traceback:\n\t…"}, []),
    "infer-together": (
        frames.INFER,
        6,
        {
            "model": 1,
            "method": "predict",
            "tensors": [tensor("x", "FP32", [3, 1], FP32), tensor("text", "BYTES", [3], TEXT), tensor("x", "FP32", [3, 1], FP32)],
            "requests": [
                {"tensors": 2, "outputs": ["y"], "parameters": {"top": 5}, "id": "first", "timeoutMs": 2.5},
                {"tensors": 1, "sequence": {"id": 9007199254740993, "start": True, "end": False}},
            ],
        },
        [FP32, TEXT, FP32],
    ),
    "result-together": (
        frames.RESULT,
        6,
        {
            "answers": [{"tensors": 1}, {"error": {"code": "INVALID_ARGUMENT", "message": "negative", "detail": "Traceback"}}],
            "tensors": [tensor("y", "FP16", [2], FP16)],
            "computeMs": 1.5,
        },
        [FP16],
    ),
    "call": (
        frames.CALL,
        1,
        {"parent": 6, "model": "embedding", "version": "2", "outputs": ["y"], "timeoutMs": 2.5, "tensors": [tensor("x", "FP32", [3, 1], FP32)]},
        [FP32],
    ),
    "call-load": (
        frames.CALL,
        2,
        {"parent": 1, "action": "load", "model": "embedding", "configuration": "{}", "tensors": [tensor("1/model.onnx", "UINT8", [5], BOOL)]},
        [BOOL],
    ),
    "cancel": (frames.CANCEL, 5, {}, []),
    "cancel-request": (frames.CANCEL, 6, {"request": 1}, []),
    "credit": (frames.CREDIT, 5, {"chunks": 2}, []),
    "ping": (frames.PING, 6, {}, []),
    "check": (frames.CHECK, 7, {"model": 1}, []),
    "pong": (frames.PONG, 6, {}, []),
    "stats": (
        frames.STATS,
        0,
        {"name": "tokens", "help": "Tokens.", "kind": "histogram", "labels": {"lang": "en"}, "buckets": [1, 2.5], "action": "observe", "value": 2},
        [],
    ),
    "log": (frames.LOG, 0, {"level": "warning", "message": "made with scikit-learn 1.5.0"}, []),
    "unload": (frames.UNLOAD, 1, {}, []),
}


def header(magic: bytes = b"NT", version: int = 1, meta: int = 8, reserved: int = 0, body: int = 0) -> bytes:
    return struct.pack("<2sBBIIIQ", magic, version, frames.PING, 1, meta, reserved, body)


EMPTY_META = b"{}      "
ONE_TENSOR = b'{"tensors":[{"name":"x","datatype":"INT8","shape":[9],"bytes":9}]}'
ONE_TENSOR += b" " * (-len(ONE_TENSOR) % 8)

INVALID: dict[str, tuple[bytes, str]] = {
    "invalid-magic": (header(magic=b"TN") + EMPTY_META, "a frame does not begin with NT"),
    "invalid-version": (header(version=2) + EMPTY_META, "protocol version 2 instead of 1"),
    "invalid-reserved": (header(reserved=1) + EMPTY_META, "the reserved bytes of a header are not zero"),
    "invalid-meta-length": (header(meta=2) + b"{}", "metadata of 2 bytes"),
    "invalid-meta-limit": (header(meta=64 * 1024 * 1024 + 8), "metadata of 67108872 bytes"),
    "invalid-body-limit": (header(body=2 * 1024**3 + 8) + EMPTY_META, "a body of 2147483656 bytes"),
    "invalid-json": (header() + b"{]      ", "metadata is not JSON"),
    "invalid-utf8": (header(meta=16) + b'{"a":"\xff"}'.ljust(16), "metadata is not UTF-8"),
    "invalid-nan": (header(meta=16) + b'{"a":NaN}'.ljust(16), "metadata is not JSON"),
    "invalid-array": (header() + b"[]      ", "metadata is not a JSON object"),
    "invalid-body-without-blobs": (header(body=8) + EMPTY_META + bytes(8), "blobs and body disagree"),
    "invalid-short-body": (header(meta=len(ONE_TENSOR), body=8) + ONE_TENSOR + bytes(8), "blobs are longer than the body"),
}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (kind, stream, meta, blobs) in VALID.items():
        (FOLDER / f"{name}.bin").write_bytes(b"".join(frames.encode(kind, stream, meta, blobs)))
        write_json(name, {"type": kind, "stream": stream, "meta": meta, "blobs": [base64.b64encode(blob).decode() for blob in blobs]})
    for name, (data, reason) in INVALID.items():
        (FOLDER / f"{name}.bin").write_bytes(data)
        write_json(name, {"reason": reason})


def write_json(name: str, value: dict[str, Any]) -> None:
    (FOLDER / f"{name}.json").write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
