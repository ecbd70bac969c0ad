"""Entry point: `python -m nitrous_host`, with the connection to the server on file descriptor 3."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import sys

from nitrous_host.connection import Connection
from nitrous_host.frames import FrameError
from nitrous_host.host import Host

INHERITED_DESCRIPTOR = 3
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> int:
    """Serves until the connection ends; the exit status is 1 when it broke."""
    _die_with_the_server()
    # Ctrl-C in a terminal reaches the whole group; the server decides when its hosts end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    try:
        Host(Connection(_take_connection())).run()
    except FrameError as error:
        print(f"the connection to the server is broken: {error}", file=sys.__stderr__)
        return 1
    return 0


def _die_with_the_server() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _take_connection() -> socket.socket:
    """The inherited socket on a descriptor that children of a model's code do not inherit."""
    descriptor = fcntl.fcntl(INHERITED_DESCRIPTOR, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(INHERITED_DESCRIPTOR)
    stream_socket = socket.socket(fileno=descriptor)
    # libuv makes its end's open file description non-blocking, and a host may share it.
    stream_socket.setblocking(True)
    return stream_socket


if __name__ == "__main__":
    status = main()
    for log in (sys.__stdout__, sys.__stderr__):
        log.flush()
    # At once: streams and threads of a model's code have nobody left to work for.
    os._exit(status)
