"""Reads frames and pickles that a fuzzer sends, one on each line, and answers what became of each as JSON.

An audit hook sees what an input makes the interpreter do: whatever could run a program, write a file or reach the network is
a finding, also when the input is refused in the end.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import warnings
from typing import Any

from nitrous_host import frames
from nitrous_host.pickles import load_untrusted, Refused

DANGEROUS = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove", "os.rename", "os.putenv", "os.kill",
             "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "webbrowser.", "urllib.", "code.", "winreg.")  # fmt: skip
seen: list[str] = []
watching = False


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not watching:
        return
    if event.startswith(DANGEROUS):
        seen.append(event)
    elif event == "open" and isinstance(arguments[1], str) and any(letter in arguments[1] for letter in "wax+"):
        seen.append(f"open {arguments[0]} {arguments[1]}")


def read_frames(data: bytes) -> Any:
    read: list[Any] = []
    position = 0
    while position < len(data):
        if len(data) - position < frames.HEADER_SIZE:
            return read
        kind, stream, meta_length, body_length = frames.decode_header(data[position : position + frames.HEADER_SIZE])
        position += frames.HEADER_SIZE
        if len(data) - position < meta_length + body_length:
            return read
        contents = bytearray(data[position : position + meta_length + body_length])
        position += len(contents)
        if kind not in frames.TYPES:
            continue
        frame = frames.decode_contents(kind, stream, contents, meta_length)
        read.append([frame.type, frame.stream])
    return read


def answer(kind: str, data: bytes, folder: str) -> dict[str, Any]:
    global watching
    seen.clear()
    value: Any = None
    finding: str | None = None
    path = os.path.join(folder, "fuzz.joblib" if data[:1] in (b"\x78", b"\x1f", b"B", b"\xfd") else "fuzz.pkl")
    if kind == "pickle":
        with open(path, "wb") as stream:
            stream.write(data)
    watching = True
    try:
        if kind == "frames":
            value = read_frames(data)
        else:
            load_untrusted(path)
            value = True
    except (frames.FrameError, frames.UnreadableMeta, frames.FrameTooLarge, Refused):
        pass
    except Exception as error:  # Whatever the libraries say of a broken file is an answer.
        if kind == "frames":
            finding = f"{type(error).__name__}: {error}"
    finally:
        watching = False
    if seen:
        finding = "did " + ", ".join(seen[:5])
    return {"value": value} if finding is None else {"value": value, "finding": finding}


def main() -> None:
    warnings.simplefilter("ignore")
    import joblib  # noqa: F401
    import sklearn.ensemble  # noqa: F401

    sys.addaudithook(hook)
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            kind, text = line.split(" ", 1)
            try:
                reply = answer(kind, base64.b64decode(text), folder)
            except RecursionError:
                reply = {"value": None}
            print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
