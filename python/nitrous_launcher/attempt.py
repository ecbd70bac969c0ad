"""Work that is tried out in a process of its own, because it cannot be taken back."""

from __future__ import annotations

import os

# What typing.TYPE_CHECKING is, without 10 ms for its import.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable


def failure_of(work: Callable[[], object]) -> str:
    """Why it fails; empty where it does not."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            os.write(writing, str(error).encode() or b"failed")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        reason = file.read().decode()
    os.waitpid(child, 0)
    return reason
