"""One stream socket to the server: whole frames in, whole frames out."""

import socket
import threading
from typing import Optional

from . import frames


class Connection:
    """Reads belong to the main thread; sends may come from any thread."""

    def __init__(self, sock: socket.socket):
        self._socket = sock
        self._header = bytearray(frames.HEADER.size)
        self._lock = threading.Lock()

    def receive(self) -> Optional[frames.Frame]:
        """The next frame, or None when the server is gone."""
        if not self._fill(memoryview(self._header)):
            return None
        header = frames.parse_header(self._header)
        contents = memoryview(bytearray(header.meta_length + header.body_length))
        if not self._fill(contents):
            return None
        return frames.parse_contents(header, contents)

    def send(self, frame_type: int, stream: int, meta: dict, blobs=()) -> None:
        buffers = frames.encode(frame_type, stream, meta, blobs)
        with self._lock:
            sent = self._socket.sendmsg(buffers)
            total = sum(memoryview(buffer).nbytes for buffer in buffers)
            if sent < total:
                self._socket.sendall(b"".join(buffers)[sent:])

    def _fill(self, view: memoryview) -> bool:
        done = 0
        while done < len(view):
            count = self._socket.recv_into(view[done:])
            if count == 0:
                return False
            done += count
        return True
