"""A host over a socket pair, with real models of each format."""

import pickle
import socket
import tempfile
import threading
import unittest
from pathlib import Path

import numpy as np

from nitrous_host import frames, tensors
from nitrous_host.connection import Connection
from nitrous_host.host import Host


class HostTest(unittest.TestCase):
    def setUp(self):
        ours, theirs = socket.socketpair()
        self.thread = threading.Thread(target=Host(theirs).run, daemon=True)
        self.thread.start()
        self.socket, self.connection = ours, Connection(ours)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.stream = 0
        self.assertEqual(self.connection.receive().type, frames.HELLO)

    def tearDown(self):
        self.socket.close()
        self.thread.join(5)
        self.assertFalse(self.thread.is_alive(), "the host ends with its connection")

    def load(self, kind, file):
        self.stream += 1
        meta = dict(model="m", version="1", format=kind, file=str(file), directory=str(self.folder), example=None, threads=1)
        self.connection.send(frames.LOAD, self.stream, meta)
        frame = self.connection.receive()
        while frame.type == frames.PROGRESS:
            frame = self.connection.receive()
        return frame

    def infer(self, model, arrays=None, **more):
        self.stream += 1
        meta, blobs = tensors.encode_outputs(arrays) if arrays else ({}, [])
        self.connection.send(frames.INFER, self.stream, {"model": model, "method": "predict", **meta, **more}, blobs)
        return self.stream

    def answer(self):
        frame = self.connection.receive()
        if frame.type == frames.ERROR:
            return frame.meta
        return {t["name"]: tensors.to_array(t, blob) for t, blob in zip(frame.meta["tensors"], frame.blobs)}

    def custom(self, code):
        (self.folder / "model.py").write_text(code)
        return self.load("python", self.folder / "model.py")

    def test_a_scikit_learn_model_answers_as_in_python(self):
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression

        data, target = load_iris(return_X_y=True)
        model = LogisticRegression(max_iter=500).fit(data, target)
        (self.folder / "model.pkl").write_bytes(pickle.dumps(model))
        ready = self.load("sklearn", self.folder / "model.pkl")
        signature = ready.meta["description"]["methods"]["predict"]
        self.assertTrue(signature["batchable"])
        self.assertEqual(signature["inputs"], [{"name": "input-0", "datatype": "FP64", "shape": [-1, 4]}])
        self.infer(1, {"x": data})
        np.testing.assert_array_equal(self.answer()["predict"], model.predict(data))
        self.infer(1, {"x": data}, outputs=["predict_proba", "predict"])
        np.testing.assert_allclose(self.answer()["predict_proba"], model.predict_proba(data), rtol=1e-12)
        self.infer(1, {"x": np.full((1, 4), np.nan)})
        self.assertEqual(self.answer()["code"], "INVALID_ARGUMENT")

    def test_labels_may_be_strings_and_rows_neighbours_of_none(self):
        from sklearn.neighbors import KNeighborsClassifier

        model = KNeighborsClassifier(1).fit([[0.0], [1.0]], ["no", "yes"])
        (self.folder / "model.pkl").write_bytes(pickle.dumps(model))
        outputs = self.load("sklearn", self.folder / "model.pkl").meta["description"]["methods"]["predict"]["outputs"]
        self.assertEqual(outputs[0], {"name": "predict", "datatype": "BYTES", "shape": [-1]})
        self.infer(1, {"x": np.array([[0.9], [0.1]])})
        self.assertEqual(self.answer()["predict"].tolist(), ["yes", "no"])

    def test_a_file_that_is_no_pickle_is_refused(self):
        (self.folder / "model.pkl").write_bytes(b"nonsense")
        error = self.load("sklearn", self.folder / "model.pkl")
        self.assertEqual((error.type, error.meta["code"]), (frames.ERROR, "INVALID_ARGUMENT"))
        self.assertIn("not a pickle", error.meta["message"])

    def test_a_missing_package_is_named(self):
        error = self.custom("import surely_not_there\nclass Model:\n    def predict(self, x): return x\n")
        self.assertEqual(error.meta["code"], "FAILED_PRECONDITION")
        self.assertIn("'surely_not_there': add it to requirements.txt", error.meta["message"])

    def test_inputs_come_by_name_and_parameters_fill_the_rest(self):
        self.custom("class Model:\n    def predict(self, a, b, scale=1.0):\n        return {'sum': (a + b) * scale}\n")
        self.infer(1, {"a": np.array([1, 2]), "b": np.array([10, 20])}, parameters={"scale": 2.0})
        self.assertEqual(self.answer()["sum"].tolist(), [22.0, 44.0])
        self.infer(1, {"a": np.array([1])})
        self.assertIn("takes a, b, scale, but the request has a", self.answer()["message"])

    def test_an_exception_is_an_answer_and_the_host_goes_on(self):
        self.custom("class Model:\n    def predict(self, x):\n        print('noise')\n        return {'y': 1 / x.item()} if x.item() else 1 / 0\n")
        self.infer(1, {"x": np.array([0.0])})
        error = self.answer()
        self.assertEqual((error["code"], error["message"]), ("INTERNAL", "ZeroDivisionError: division by zero"))
        self.connection.send(frames.PING, 99, {})
        self.assertEqual(self.connection.receive().type, frames.PONG)

    def test_a_stream_waits_for_credit_and_stops_when_cancelled(self):
        code = "class Model:\n    def predict(self, start):\n        n = 0\n        while True:\n            yield [n]\n            n += 1\n"
        self.assertTrue(self.custom(code).meta["description"]["methods"]["predict"]["streaming"])
        stream = self.infer(1, rows=[1], credit=2)
        self.assertEqual([self.connection.receive().meta["json"] for _ in range(2)], [[0], [1]])
        self.connection.send(frames.PING, 98, {})
        self.assertEqual(self.connection.receive().type, frames.PONG, "without credit nothing comes but the answer to the ping")
        self.connection.send(frames.CREDIT, stream, {"chunks": 1})
        self.assertEqual(self.connection.receive().meta["json"], [2])
        self.connection.send(frames.CANCEL, stream, {})
        self.assertEqual(self.connection.receive().meta["code"], "CANCELLED")

    def test_unknown_frames_are_skipped(self):
        self.connection.send(200, 5, {"anything": 1})
        self.connection.send(frames.PING, 6, {})
        self.assertEqual(self.connection.receive().type, frames.PONG)


if __name__ == "__main__":
    unittest.main()
