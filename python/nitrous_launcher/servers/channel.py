"""
The launcher's line to the server: Node's own channel between a process and its child, so that Node gets sockets as objects.

Each message is a line of JSON. One that carries a socket is {"cmd": "NODE_HANDLE", "type": "net.Socket", "msg": MESSAGE} with the
descriptor beside its bytes (SCM_RIGHTS); Node answers {"cmd": "NODE_HANDLE_ACK"}, which needs nothing here. See
lib/internal/child_process.js of Node.
"""

from __future__ import annotations

import array
import json
import socket


class Channel:
    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=descriptor)
        self._rest = b""
        self.is_closed = False

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> list[dict]:
        """Messages that have come whole; `is_closed` when the server is gone."""
        while not self.is_closed:
            try:
                chunk = self._socket.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            self.is_closed = chunk == b""
            self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        messages = [json.loads(line) for line in lines]
        return [message for message in messages if "cmd" not in message]

    def wait(self) -> dict | None:
        """The first message; None when the server is gone before it."""
        self._socket.setblocking(True)
        while b"\n" not in self._rest:
            try:
                chunk = self._socket.recv(1 << 16)
            except OSError:
                chunk = b""
            if chunk == b"":
                self.is_closed = True
                return None
            self._rest += chunk
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def send(self, message: dict, carried: socket.socket | None = None) -> None:
        """A server that is gone takes nothing, and reading tells."""
        if carried is not None:
            message = {"cmd": "NODE_HANDLE", "type": "net.Socket", "msg": message}
        line = json.dumps(message).encode() + b"\n"
        try:
            sent = 0
            if carried is not None:
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [carried.fileno()]))
                sent = self._socket.sendmsg([line], [rights])
            self._socket.sendall(line[sent:])
        except OSError:
            pass

    def close(self) -> None:
        self._socket.close()
