from __future__ import annotations

import socket
import time
import unittest

from support import TIMEOUT, HostTest

from nitrous_host import frames
from nitrous_host.connection import Connection
from nitrous_host.payload import Payload

# Answers 1 at once, and anything else when it is cancelled; says in a file that it has begun.
WAITS = """
import pathlib, time
class Model:
    def predict(self, x, *, cancelled):
        note = pathlib.Path(__file__).with_name("begun")
        note.write_text(note.read_text() + "x" if note.exists() else "x")
        while x[0] != 1 and not cancelled(): time.sleep(0.001)
        return {"cancelled": cancelled()}
"""


class Cancelled(HostTest):
    def begin(self, value: int) -> int:
        return self.send_call(Payload("rows", [value]))

    def begun(self, calls: int = 1) -> None:
        note = self.folder / "begun"
        deadline = time.monotonic() + TIMEOUT
        while not note.exists() or len(note.read_text()) < calls:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.001)

    def test_an_ordinary_call_notices_while_it_runs(self) -> None:
        self.ready("python", self.write("model.py", WAITS))
        stream = self.begin(2)
        self.begun()
        self.connection.send(frames.CANCEL, stream, {})
        result = self.receive()
        self.assertEqual((result.type, result.stream, result.meta["json"]), (frames.RESULT, stream, {"cancelled": True}))
        self.assertEqual(self.answer("rows", [1]), {"cancelled": False})

    def test_a_call_that_looks_leaves_what_is_not_for_it_in_order(self) -> None:
        self.ready("python", self.write("model.py", WAITS))
        running = self.begin(2)
        self.begun()
        waiting = [self.begin(1) for _ in range(3)]
        ping = self.open(frames.PING, {})
        pong = self.receive()
        self.assertEqual((pong.type, pong.stream), (frames.PONG, ping))
        self.connection.send(frames.CANCEL, waiting[1], {})
        error = self.receive()
        self.assertEqual((error.type, error.stream, error.meta["code"]), (frames.ERROR, waiting[1], "CANCELLED"))
        self.connection.send(frames.CANCEL, running, {})
        self.assertEqual([self.receive().stream for _ in range(3)], [running, waiting[0], waiting[2]])
        self.assertEqual(len((self.folder / "begun").read_text()), 3)

    def test_a_call_that_was_cancelled_behind_a_long_one_is_not_begun(self) -> None:
        code = "import time\nclass Model:\n    def predict(self, x):\n        time.sleep(x[0])\n        return {'slept': x[0]}\n"
        self.ready("python", self.write("model.py", code))
        first, second = (self.send_call(Payload("rows", [seconds])) for seconds in (0.2, TIMEOUT))
        self.connection.send(frames.CANCEL, second, {})
        self.assertEqual([(frame.stream, frame.type) for frame in (self.receive(), self.receive())], [(first, frames.RESULT), (second, frames.ERROR)])

    def test_a_stream_notices_beside_an_ordinary_call(self) -> None:
        code = """
import time
class Model:
    def predict(self, x, *, cancelled):
        yield "begun"
        while not cancelled(): time.sleep(0.001)
        yield "lost"
"""
        self.ready("python", self.write("model.py", code))
        stream = self.send_call(Payload("rows", [2]), credit=5)
        self.assertEqual(self.receive().meta["json"], "begun")
        streaming, self.folder = self.handle, self.folder / "other"
        self.ready("python", self.write("model.py", "import time\nclass Model:\n    def predict(self, x): return time.sleep(0.3) or x\n"))
        slow = self.send_call(Payload("rows", [1]))
        self.connection.send(frames.CANCEL, stream, {})
        end = self.receive()
        self.assertEqual((end.type, end.stream, end.meta["code"]), (frames.ERROR, stream, "CANCELLED"))
        self.assertEqual((self.receive().stream, streaming == self.handle), (slow, False))

    def test_the_end_of_the_connection_cancels(self) -> None:
        self.ready("python", self.write("model.py", WAITS))
        self.begin(2)
        self.begun()
        self.end()
        self.assertFalse(self.thread.is_alive())

    def test_an_input_may_have_the_name(self) -> None:
        self.ready("python", self.write("model.py", "class Model:\n    def predict(self, cancelled):\n        return {'got': list(cancelled)}\n"))
        self.assertEqual(self.answer("rows", [7]), {"got": [7]})

    def test_other_threads_may_ask_and_may_ask_too_late(self) -> None:
        code = """
import threading
class Model:
    def predict(self, x, *, cancelled):
        late, self.late = getattr(self, "late", None), cancelled
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(cancelled())) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        return {"answers": answers, "late": late and late()}
"""
        self.ready("python", self.write("model.py", code))
        self.assertEqual(self.answer("rows", [1]), {"answers": [False] * 4, "late": None})
        self.assertEqual(self.answer("rows", [1])["late"], False)


class Readable(unittest.TestCase):
    def test_bytes_and_the_end_can_be_read_and_a_closed_socket_cannot(self) -> None:
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        connection = Connection(theirs)
        self.assertFalse(connection.readable())
        ours.send(b"x")
        self.assertTrue(connection.readable())
        theirs.recv(1)
        self.assertFalse(connection.readable())
        ours.close()
        self.assertTrue(connection.readable())
        connection.close()
        self.assertFalse(connection.readable())


if __name__ == "__main__":
    unittest.main()
