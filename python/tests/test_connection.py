"""What a connection does when a model's code forks the host."""

from __future__ import annotations

import os
import socket
import threading
import unittest

from nitrous_host import frames
from nitrous_host.connection import Connection


class Fork(unittest.TestCase):
    def setUp(self) -> None:
        self.server, end = socket.socketpair()
        self.connection = Connection(end)
        self.addCleanup(self.server.close)
        self.addCleanup(self.connection.close)
        self.server.setblocking(False)

    def in_child(self) -> int:
        """The exit status of a child that tries to answer, and then to read: 0 when it could do neither."""
        child = os.fork()
        if child == 0:
            try:
                self.connection.send(frames.PONG, 1, {})
                os._exit(0 if self.connection.receive() is None else 1)
            finally:
                os._exit(2)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_a_child_neither_writes_nor_reads_frames(self) -> None:
        self.server.send(b"for the parent")
        self.assertEqual(self.in_child(), 0)
        self.assertRaises(BlockingIOError, self.server.recv, 1)
        self.connection.send(frames.PONG, 1, {})
        self.assertEqual(self.server.recv(2), b"NT")

    def test_a_child_does_not_wait_for_a_thread_that_it_does_not_have(self) -> None:
        held, forked = threading.Event(), threading.Event()

        def write() -> None:
            with self.connection._write_lock:
                held.set()
                forked.wait()

        thread = threading.Thread(target=write)
        thread.start()
        held.wait()
        try:
            self.assertEqual(self.in_child(), 0)
        finally:
            forked.set()
            thread.join()


if __name__ == "__main__":
    unittest.main()
