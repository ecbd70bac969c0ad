from __future__ import annotations

import base64
import json
import random
import socket
import threading
import unittest
from pathlib import Path
from typing import Any

import numpy

from nitrous_host import frames
from nitrous_host.connection import Connection
from nitrous_host.errors import HostError
from nitrous_host.payload import Payload, read_payload, write_payload
from nitrous_host.tensors import DTYPES

GOLDEN = Path(__file__).resolve().parents[2] / "testdata" / "frames"


def decode(data: bytes) -> frames.Frame:
    kind, stream, meta_length, body_length = frames.decode_header(data[: frames.HEADER_SIZE])
    contents = bytearray(data[frames.HEADER_SIZE :])
    assert len(contents) == meta_length + body_length
    return frames.decode_contents(kind, stream, contents, meta_length)


def round_trip(payload: Payload) -> Payload:
    meta, blobs = write_payload(payload)
    frame = decode(b"".join(frames.encode(frames.RESULT, 1, meta, blobs)))
    return read_payload(frame.meta, frame.body)


class GoldenFrames(unittest.TestCase):
    def test_every_golden_frame_is_read_and_written_byte_for_byte(self) -> None:
        names = [path.stem for path in GOLDEN.glob("*.bin") if not path.stem.startswith("invalid-")]
        self.assertGreaterEqual(len(names), 12)
        for name in names:
            with self.subTest(name):
                data = (GOLDEN / f"{name}.bin").read_bytes()
                expected = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
                blobs = [base64.b64decode(blob) for blob in expected["blobs"]]
                frame = decode(data)
                self.assertEqual((frame.type, frame.stream, frame.meta), (expected["type"], expected["stream"], expected["meta"]))
                self.assertEqual(b"".join(frames.encode(frame.type, frame.stream, frame.meta, blobs)), data)
                position = 0
                for blob in blobs:
                    self.assertEqual(bytes(frame.body[position : position + len(blob)]), blob)
                    position += len(blob) + (-len(blob) & 7)

    def test_every_frame_type_has_a_golden_frame(self) -> None:
        types = {json.loads(path.read_text(encoding="utf-8")).get("type") for path in GOLDEN.glob("*.json")}
        self.assertEqual(types - {None}, set(frames.TYPES))

    def test_invalid_golden_frames_are_refused(self) -> None:
        for path in GOLDEN.glob("invalid-*.bin"):
            reason = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["reason"]
            with self.subTest(path.stem), self.assertRaisesRegex(frames.FrameError, reason):
                decode(path.read_bytes())


class Codec(unittest.TestCase):
    def test_random_frames_survive(self) -> None:
        generator = random.Random(7)
        for _ in range(300):
            meta = {"json": random_json(generator, 4)}
            frame = decode(b"".join(frames.encode(frames.CHUNK, generator.randrange(2**32), meta)))
            self.assertEqual(frame.meta, meta)

    def test_random_tensors_survive(self) -> None:
        generator = numpy.random.default_rng(7)
        for datatype, dtype in DTYPES.items():
            for shape in ((), (0,), (1,), (7,), (3, 0, 2), (2, 3, 5), (100_000,)):
                with self.subTest(datatype=datatype, shape=shape):
                    count = int(numpy.prod(shape, dtype=int))
                    data = generator.integers(0, 2 if datatype == "BOOL" else 256, count * numpy.dtype(dtype).itemsize, numpy.uint8)
                    array = numpy.frombuffer(data.tobytes(), dtype).reshape(shape)
                    back = round_trip(Payload("tensors", {"x": array})).value["x"]
                    self.assertEqual((back.dtype, back.shape, back.tobytes()), (array.dtype, array.shape, array.tobytes()))
                    self.assertTrue(back.flags.aligned and (back.flags.writeable or count == 0))

    def test_blobs_of_other_layouts_are_row_major_little_endian(self) -> None:
        array = numpy.arange(60_000, dtype=">i8").reshape(300, 200).T
        back = round_trip(Payload("tensors", {"x": array})).value["x"]
        self.assertEqual(back.dtype.str, "<i8")
        numpy.testing.assert_array_equal(back, array)

    def test_bytes_tensors(self) -> None:
        array = numpy.array([["Grüße", ""], [b"\xff\x00", "x" * 1000]], dtype=object)
        numpy.testing.assert_array_equal(round_trip(Payload("tensors", {"x": array})).value["x"], array)
        for text in (numpy.array(["a", "bcd"]), numpy.array([b"a", b"bcd"])):
            self.assertEqual(round_trip(Payload("tensors", {"x": text})).value["x"].tolist(), ["a", "bcd"])

    def test_bf16_comes_as_float32(self) -> None:
        blob = numpy.array([0x3F80, 0xC000, 0x7FC0], "<u2").tobytes()
        meta = {"tensors": [{"name": "x", "datatype": "BF16", "shape": [3], "bytes": 6}]}
        frame = decode(b"".join(frames.encode(frames.INFER, 1, meta, [blob])))
        numpy.testing.assert_array_equal(read_payload(frame.meta, frame.body).value["x"], numpy.array([1, -2, numpy.nan], "f4"))

    def test_arrays_without_a_datatype_are_refused(self) -> None:
        for array in (numpy.array(["2020-01-01"], "datetime64[D]"), numpy.array([1j]), numpy.array([None, "a"], object), numpy.array([1, "a"], object)):
            with self.subTest(array), self.assertRaises(HostError) as caught:
                write_payload(Payload("tensors", {"x": array}))
            self.assertIn("'x'", caught.exception.message)

    def test_tensors_that_contradict_themselves_are_refused(self) -> None:
        cases = [("FP64", [2], bytes(8)), ("FP65", [1], bytes(8)), ("BYTES", [2], bytes(4)), ("BYTES", [1], b"\x09\x00\x00\x00a"), ("BYTES", [0], bytes(4))]
        for datatype, shape, blob in cases:
            meta = {"tensors": [{"name": "x", "datatype": datatype, "shape": shape, "bytes": len(blob)}]}
            frame = decode(b"".join(frames.encode(frames.INFER, 1, meta, [blob])))
            with self.subTest(datatype=datatype, shape=shape), self.assertRaises(HostError) as caught:
                read_payload(frame.meta, frame.body)
            self.assertEqual(caught.exception.code, "INVALID_ARGUMENT")

    def test_metadata_that_repeats_is_decoded_once_unless_a_model_may_keep_it(self) -> None:
        def sent(blob: bytes, **more: Any) -> frames.Frame:
            meta = {"tensors": [{"name": "x", "datatype": "UINT8", "shape": [8], "bytes": 8}], "model": 1, "method": "predict", **more}
            return decode(b"".join(frames.encode(frames.INFER, 1, meta, [blob])))

        first, second = sent(b"abcdefgh", requests=[{"tensors": 1}]), sent(b"ijklmnop", requests=[{"tensors": 1}])
        self.assertIs(first.meta, second.meta)
        self.assertEqual((bytes(first.body), bytes(second.body)), (b"abcdefgh", b"ijklmnop"))
        for more in ({"parameters": {"top": 1}}, {"requests": [{"tensors": 1, "parameters": {"top": 1}}]}):
            self.assertIsNot(sent(b"abcdefgh", **more).meta, sent(b"abcdefgh", **more).meta)
        with self.assertRaisesRegex(frames.FrameError, "longer than the body"):
            sent(b"", requests=[{"tensors": 1}])

    def test_a_lone_surrogate_is_escaped(self) -> None:
        self.assertEqual(frames.encode_json({"a": "\ud800é"}), b'{"a":"\\ud800\\u00e9"}')


class Connections(unittest.TestCase):
    def setUp(self) -> None:
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        self.raw = ours
        self.connection = Connection(theirs)

    def test_unknown_types_are_skipped_and_pieces_are_joined(self) -> None:
        unknown = bytearray(b"".join(frames.encode(frames.PING, 1, {}, [])))
        unknown[3] = 200
        ping = b"".join(frames.encode(frames.PING, 2, {}))
        for byte in bytes(unknown) + ping:
            self.raw.send(bytes([byte]))
        frame = self.connection.receive()
        self.assertEqual(frame and (frame.type, frame.stream), (frames.PING, 2))

    def test_the_end_in_the_middle_of_a_frame_is_an_end(self) -> None:
        self.raw.send(b"".join(frames.encode(frames.PING, 1, {}))[:30])
        self.raw.shutdown(socket.SHUT_WR)
        self.assertIsNone(self.connection.receive())

    def test_metadata_that_only_python_cannot_read_leaves_the_connection_whole(self) -> None:
        deep = b'{"json":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
        deep += b" " * (-len(deep) & 7)
        data = frames.HEADER.pack(b"NT", 1, frames.INFER, 9, len(deep), 0, 0) + deep
        data += b"".join(frames.encode(frames.PING, 2, {}))
        threading.Thread(target=self.raw.sendall, args=(data,), daemon=True).start()
        with self.assertRaises(frames.UnreadableMeta) as caught:
            self.connection.receive()
        self.assertEqual(caught.exception.stream, 9)
        frame = self.connection.receive()
        self.assertEqual(frame and frame.stream, 2)


def random_json(generator: random.Random, depth: int) -> Any:
    choice = generator.randrange(8 if depth else 6)
    if choice == 0:
        return None
    if choice == 1:
        return generator.random() < 0.5
    if choice == 2:
        return generator.randrange(-(2**70), 2**70)
    if choice == 3:
        return generator.uniform(-1e300, 1e300)
    if choice in (4, 5):
        return "".join(chr(generator.choice([generator.randrange(128), generator.randrange(0xE000, 0x11000)])) for _ in range(generator.randrange(9)))
    values = [random_json(generator, depth - 1) for _ in range(generator.randrange(4))]
    return values if choice == 6 else {str(generator.random()): value for value in values}


if __name__ == "__main__":
    unittest.main()
