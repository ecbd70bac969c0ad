"""Frames over a stream socket: blocking reads by one thread at a time, writes by any."""

from __future__ import annotations

import os
import select
import socket
import threading
import weakref
from typing import Any, Sequence

from nitrous_host import frames

# Bytes up to which joining a frame costs less than writing its parts one by one.
SMALL_FRAME = 256 * 1024
# Bytes that are read at once: a small frame as a whole, and perhaps the next one too.
READ_AHEAD = 64 * 1024

_open: weakref.WeakSet[Connection] = weakref.WeakSet()


class Connection:
    def __init__(self, stream_socket: socket.socket) -> None:
        self._socket = stream_socket
        self._ahead = memoryview(bytearray(READ_AHEAD))
        # Where what has been read and belongs to no frame yet begins and ends in there.
        self._start = 0
        self._end = 0
        self._write_lock = threading.Lock()
        _open.add(self)

    def receive(self) -> frames.Frame | None:
        """
        The next frame of a known type, or None when the connection has ended.
        Raises FrameError when it cannot be read on, and UnreadableMeta when only this frame cannot be read.
        """
        while self._read_header():
            kind, stream, meta_length, body_length = frames.decode_header(self._ahead, self._start)
            self._start += frames.HEADER_SIZE
            contents = self._read_contents(meta_length + body_length)
            if contents is None:
                return None
            if kind in frames.TYPES:
                return frames.decode_contents(kind, stream, contents, meta_length)
        return None

    def readable(self) -> bool:
        """Whether bytes, or the end of the connection, can be read without waiting; only for the thread that may call `receive`."""
        if self._end > self._start:
            return True
        descriptor = self._socket.fileno()
        if descriptor < 0:
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def send(self, kind: int, stream: int, meta: dict[str, Any] | bytes, blobs: Sequence[frames.Blob] = ()) -> None:
        """Writes one frame, or nothing when the connection has ended. Raises what `frames.encode` raises."""
        parts = frames.encode(kind, stream, meta, blobs)
        with self._write_lock:
            try:
                if sum(map(len, parts)) <= SMALL_FRAME:
                    self._socket.sendall(b"".join(parts))
                else:
                    for part in parts:
                        self._socket.sendall(part)
            except OSError:
                # Nobody is left to hear it; the thread that reads sees the end.
                return

    def close(self) -> None:
        self._socket.close()

    def leave_to_parent(self) -> None:
        """In a forked child: it must neither answer, nor read what is for its parent, nor keep the connection open."""
        # Another thread may have held the old one when the process was forked.
        self._write_lock = threading.Lock()
        self._socket.close()

    def _read_header(self) -> bool:
        """Sees to it that a whole header has been read; False when the connection ends before that."""
        while self._end - self._start < frames.HEADER_SIZE:
            rest = self._end - self._start
            if rest > 0:
                self._ahead[:rest] = bytes(self._ahead[self._start : self._end])
            self._start, self._end = 0, rest
            try:
                count = self._socket.recv_into(self._ahead[rest:])
            except OSError:
                return False
            if count == 0:
                return False
            self._end += count
        return True

    def _read_contents(self, length: int) -> bytearray | None:
        """So many bytes in memory of their own, or None when the connection ends before that."""
        present = min(length, self._end - self._start)
        begin = self._start
        self._start += present
        if present == length:
            return bytearray(self._ahead[begin : begin + present])
        contents = bytearray(length)
        contents[:present] = self._ahead[begin : begin + present]
        return contents if self._fill(memoryview(contents)[present:]) else None

    def _fill(self, buffer: memoryview) -> bool:
        """Reads until the buffer is full; False when the connection ends before that."""
        filled = 0
        while filled < len(buffer):
            try:
                count = self._socket.recv_into(buffer[filled:], 0, socket.MSG_WAITALL)
            except OSError:
                return False
            if count == 0:
                return False
            filled += count
        return True


def _leave_all_to_parent() -> None:
    for connection in list(_open):
        connection.leave_to_parent()


os.register_at_fork(after_in_child=_leave_all_to_parent)
