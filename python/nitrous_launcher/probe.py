"""What this machine can do to confine a host, tried out rather than concluded from versions."""

from __future__ import annotations

import json
import os
import tempfile

from nitrous_launcher import confinement, landlock, namespaces, seccomp


def probe() -> str:
    """JSON: `namespaces` is null where they work, else why not; `landlock` the version, 0 for none; `seccomp` whether it works."""
    answer = {"landlock": landlock.version(), "seccomp": seccomp.is_supported(), "namespaces": None}
    with tempfile.TemporaryDirectory(prefix="nitrous-probe-") as temporary:
        try:
            namespaces.leave_process_namespace()
            answer["namespaces"] = _tried(temporary)
        except OSError as error:
            answer["namespaces"] = str(error)
    return json.dumps(answer)


def _tried(temporary: str) -> str | None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chdir("/")
            confinement.confine("namespaces", ["/usr"], [temporary])
        except BaseException as error:
            os.write(writing, str(error).encode() or b"failed")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        reason = file.read().decode()
    os.waitpid(child, 0)
    return reason or None
