"""The codec against the golden frames, and against itself."""

import base64
import json
import os
import random
import socket
import threading
import unittest
from pathlib import Path

from nitrous_host import frames
from nitrous_host.connection import Connection

GOLDEN = Path(__file__).parents[2] / "testdata" / "frames"


def parse(data: bytes) -> frames.Frame:
    header = frames.parse_header(data)
    return frames.parse_contents(header, memoryview(data)[frames.HEADER.size :])


class Frames(unittest.TestCase):
    def test_golden_frames_are_read_and_written_byte_for_byte(self):
        for path in sorted(GOLDEN.glob("[!i]*.bin")) + sorted(GOLDEN.glob("infer*.bin")):
            with self.subTest(path.stem):
                data, told = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())
                frame = parse(data)
                self.assertEqual((frame.type, frame.stream, frame.meta), (told["type"], told["stream"], told["meta"]))
                blobs = [base64.b64decode(blob) for blob in told["blobs"]]
                self.assertEqual([bytes(blob) for blob in frame.blobs], blobs)
                self.assertEqual(b"".join(map(bytes, frames.encode(frame.type, frame.stream, frame.meta, blobs))), data)

    def test_broken_frames_are_refused_with_the_reason(self):
        for path in sorted(GOLDEN.glob("invalid-*.bin")):
            with self.subTest(path.stem):
                reason = json.loads(path.with_suffix(".json").read_text())["reason"]
                with self.assertRaisesRegex(frames.FrameError, reason):
                    parse(path.read_bytes())

    def test_frames_survive_a_socket_in_any_pieces(self):
        source = random.Random(1)
        left, right = socket.socketpair()
        sent = []
        for stream in range(50):
            blobs = [os.urandom(source.choice((0, 1, 7, 8, 5000))) for _ in range(source.randrange(4))]
            tensors = [{"name": str(i), "datatype": "UINT8", "shape": [len(blob)], "bytes": len(blob)} for i, blob in enumerate(blobs)]
            sent.append((stream, {"tensors": tensors, "text": "é" * source.randrange(9)}, blobs))

        def write():
            for stream, meta, blobs in sent:
                data = b"".join(map(bytes, frames.encode(frames.INFER, stream, meta, blobs)))
                while data:
                    size = source.randrange(1, 2000)
                    left.sendall(data[:size])
                    data = data[size:]
            left.close()

        thread = threading.Thread(target=write)
        thread.start()
        connection = Connection(right)
        for stream, meta, blobs in sent:
            frame = connection.receive()
            self.assertEqual((frame.stream, frame.meta, [bytes(blob) for blob in frame.blobs]), (stream, meta, blobs))
        self.assertIsNone(connection.receive())
        thread.join()


if __name__ == "__main__":
    unittest.main()
