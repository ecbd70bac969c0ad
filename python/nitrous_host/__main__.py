"""Entry point: `python -m nitrous_host`, with the connection to the server on file descriptor 3."""

import ctypes
import os
import signal
import socket
import sys

CONNECTION = 3
PR_SET_PDEATHSIG = 1


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C on a terminal reaches the whole group; the server decides.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Children of a model's own code must not hold the connection open.
    descriptor = os.dup(CONNECTION)
    os.close(CONNECTION)
    os.set_inheritable(descriptor, False)

    from .host import Host

    Host(socket.socket(fileno=descriptor)).run()
    # A model's own threads must not keep a host alive that nobody can reach.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


main()
