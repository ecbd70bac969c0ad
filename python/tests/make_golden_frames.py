"""Writes testdata/frames: frames that every codec must read and write byte for byte, and bytes that every one must refuse.

Run: PYTHONPATH=python python python/tests/make_golden_frames.py
"""

import base64
import json
import struct
from pathlib import Path

from nitrous_host import frames

PLACE = Path(__file__).parents[2] / "testdata" / "frames"


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def strings(*values: str) -> bytes:
    return b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in values)


def tensor(name: str, datatype: str, shape: list, blob: bytes) -> dict:
    return {"name": name, "datatype": datatype, "shape": shape, "bytes": len(blob)}


FOUR, TEXT, ODD = floats(5.1, 3.5, 1.4, 0.2), strings("naïve", "", "日本"), bytes(range(5))

GOLDEN = {
    "hello": (frames.HELLO, 0, {"protocol": 1, "host": "python", "version": "0.1.0", "language": "CPython 3.11.7", "pid": 4711, "credit": 1}, []),
    "load": (
        frames.LOAD,
        1,
        {"model": "iris", "version": "1", "format": "sklearn", "file": "/m/model.joblib", "directory": "/m", "example": None, "threads": 1},
        [],
    ),
    "progress": (frames.PROGRESS, 1, {"step": "importing scikit-learn"}, []),
    "ready": (frames.READY, 1, {"description": {"framework": "python", "frameworkVersion": "3.11", "warnings": [], "methods": {}}}, []),
    "infer-numbers": (frames.INFER, 2, {"model": 1, "method": "predict", "tensors": [tensor("x", "FP64", [1, 4], FOUR)]}, [FOUR]),
    "infer-several-blobs": (
        frames.INFER,
        3,
        {
            "model": 1,
            "method": "predict",
            "outputs": ["label"],
            "parameters": {"scale": 2.5},
            "tensors": [tensor("odd", "UINT8", [5], ODD), tensor("text", "BYTES", [3], TEXT), tensor("none", "FP32", [0, 4], b"")],
        },
        [ODD, TEXT, b""],
    ),
    "infer-rows": (frames.INFER, 4, {"model": 1, "method": "predict", "rows": [{"a": 1, "b": None}, "é\u2028"], "credit": 16}, []),
    "infer-large-integers": (frames.INFER, 4294967295, {"model": 1, "method": "predict", "rows": [9007199254740993, -9223372036854775808]}, []),
    "result": (frames.RESULT, 2, {"tensors": [tensor("predict", "INT64", [1], bytes(8))], "computeMs": 0.125}, [bytes(8)]),
    "result-json": (frames.RESULT, 2, {"json": {"answer": [True, None, 1.5]}, "computeMs": 3}, []),
    "chunk": (frames.CHUNK, 5, {"json": [3]}, []),
    "end": (frames.END, 5, {"computeMs": 1.5}, []),
    "error": (frames.ERROR, 6, {"code": "INVALID_ARGUMENT", "message": "expects 4 columns, got 3"}, []),
    "cancel": (frames.CANCEL, 5, {}, []),
    "credit": (frames.CREDIT, 5, {"chunks": 4}, []),
    "ping": (frames.PING, 7, {}, []),
    "log": (frames.LOG, 0, {"level": "warning", "message": "slow"}, []),
    "unload": (frames.UNLOAD, 1, {}, []),
    "pong": (frames.PONG, 7, {}, []),
}


def header(magic=b"NT", protocol=1, meta=8, reserved=0, body=0) -> bytes:
    return struct.pack("<2sBBIIIQ", magic, protocol, frames.PING, 1, meta, reserved, body)


INVALID = {
    "invalid-magic": (header(magic=b"XT") + b"{}      ", "does not begin with NT"),
    "invalid-protocol": (header(protocol=2) + b"{}      ", "protocol version 2"),
    "invalid-reserved": (header(reserved=1) + b"{}      ", "reserved bytes"),
    "invalid-metadata-length": (header(meta=7) + b"{}     ", "metadata of 7 bytes"),
    "invalid-metadata-too-long": (header(meta=(64 << 20) + 8), "metadata of 67108872 bytes"),
    "invalid-body-too-long": (header(body=(2 << 30) + 8), "a body of 2147483656 bytes"),
    "invalid-json": (header() + b"{]      ", "not JSON"),
    "invalid-not-an-object": (header() + b"[]      ", "not a JSON object"),
    "invalid-body-without-blobs": (header(body=8) + b"{}      " + bytes(8), "blobs and body disagree"),
}


def main() -> None:
    PLACE.mkdir(parents=True, exist_ok=True)
    for name, (frame_type, stream, meta, blobs) in GOLDEN.items():
        (PLACE / f"{name}.bin").write_bytes(b"".join(bytes(part) for part in frames.encode(frame_type, stream, meta, blobs)))
        told = {"type": frame_type, "stream": stream, "meta": meta, "blobs": [base64.b64encode(blob).decode() for blob in blobs]}
        (PLACE / f"{name}.json").write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    for name, (data, reason) in INVALID.items():
        (PLACE / f"{name}.bin").write_bytes(data)
        (PLACE / f"{name}.json").write_text(json.dumps({"reason": reason}) + "\n")


if __name__ == "__main__":
    main()
