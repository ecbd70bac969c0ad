"""Connections to the program's ports, opened where the program is and handed over to the server."""

from __future__ import annotations

import errno
import os
import select
import socket
import time

# Addresses that a program may listen on; one that listens on all of them has both.
ADDRESSES = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
# Seconds for a program whose queue of connections is full.
PATIENCE = 10.0

# What typing.TYPE_CHECKING is, without 10 ms for its import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from nitrous_launcher.servers.channel import Channel


class Opening:
    def __init__(self, number: int, port: int) -> None:
        self.number = number
        self.port = port
        self.remaining = list(ADDRESSES)
        self.give_up = time.monotonic() + PATIENCE


class Connections:
    def __init__(self, channel: Channel, poll: select.poll) -> None:
        self._channel = channel
        self._poll = poll
        self._open: dict[int, tuple[socket.socket, Opening]] = {}

    def open(self, number: int, port: int) -> None:
        """Hands over a connection as {"connected": number}, or says {"refused": number, "problem"}."""
        self._next(Opening(number, port), errno.ECONNREFUSED)

    def ready(self, descriptor: int) -> bool:
        """Whether it is one of these; then it is connected or refused now."""
        connecting, opening = self._open.pop(descriptor, (None, None))
        if connecting is None or opening is None:
            return False
        self._poll.unregister(descriptor)
        self._settle(connecting, opening, connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return True

    def deadline(self) -> float | None:
        return min((opening.give_up for _, opening in self._open.values()), default=None)

    def expire(self) -> None:
        now = time.monotonic()
        for descriptor, (connecting, opening) in list(self._open.items()):
            if opening.give_up <= now:
                del self._open[descriptor]
                self._poll.unregister(descriptor)
                connecting.close()
                self._refuse(opening, errno.ETIMEDOUT)

    def _next(self, opening: Opening, problem: int) -> None:
        if not opening.remaining:
            return self._refuse(opening, problem)
        family, address = opening.remaining.pop(0)
        try:
            connecting = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            # A machine without the newer protocol.
            return self._next(opening, problem if opening.remaining == [] else error.errno or problem)
        result = connecting.connect_ex((address, opening.port))
        if result == errno.EINPROGRESS:
            self._open[connecting.fileno()] = (connecting, opening)
            self._poll.register(connecting, select.POLLOUT)
        else:
            self._settle(connecting, opening, result)

    def _settle(self, connecting: socket.socket, opening: Opening, result: int) -> None:
        with connecting:
            if result == 0:
                connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._channel.send({"connected": opening.number}, connecting)
                return
        # The address that is tried last, and is often not there, has nothing to say about the first.
        self._next(opening, result if opening.remaining else errno.ECONNREFUSED)

    def _refuse(self, opening: Opening, problem: int) -> None:
        name = "refused" if problem == errno.ECONNREFUSED else os.strerror(problem)
        self._channel.send({"refused": opening.number, "problem": name})
