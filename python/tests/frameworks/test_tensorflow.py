"""SavedModels: what their signatures answer, and that none of them reaches files when nobody trusts it."""

from __future__ import annotations

import unittest
from pathlib import Path

import numpy
import tensorflow as tf

from loads import LoadTest, answers, failure

FLOATS = [tf.TensorSpec([None], tf.float32, "x")]


class SavedModelTest(LoadTest):
    def save(self, function, signature=FLOATS) -> Path:
        module = tf.Module()
        module.function = tf.function(function, input_signature=signature)
        tf.saved_model.save(module, str(self.folder / "1"), signatures=module.function)
        return self.folder / "1"

    def test_datatypes_and_methods(self) -> None:
        module = tf.Module()
        module.text = tf.function(
            lambda text: {"upper": tf.strings.upper(text)}, input_signature=[tf.TensorSpec([None], tf.string, "text")]
        )
        half = [tf.TensorSpec([None, 2], tf.bfloat16, "x"), tf.TensorSpec([], tf.bool, "flag")]
        module.half = tf.function(lambda x, flag: {"y": tf.where(flag, x, -x), "n": tf.shape(x)}, input_signature=half)
        tf.saved_model.save(module, str(self.folder), signatures={"a": module.text, "b": module.half})
        model = self.load("tensorflow", self.folder)
        self.assertEqual(model.description["defaultMethod"], "a")
        methods = model.description["methods"]
        inputs = {entry["name"]: (entry["datatype"], entry["shape"]) for entry in methods["b"]["inputs"]}
        self.assertEqual(inputs, {"x": ("BF16", [-1, 2]), "flag": ("BOOL", [])})
        self.assertEqual({entry["name"]: entry["datatype"] for entry in methods["b"]["outputs"]}, {"y": "FP32", "n": "INT32"})
        self.assertEqual((methods["a"]["batchable"], methods["b"]["batchable"]), (True, False))
        self.assertEqual(answers(model, {"text": numpy.array(["ab", b"\xff"], object)})["upper"].tolist(), [b"AB", b"\xff"])
        given = {"x": numpy.ones((1, 2), "f4"), "flag": numpy.array(False)}
        self.assertEqual(answers(model, given, "b")["y"].tolist(), [[-1, -1]])
        self.assertIn("lacks the input 'text'", failure(self, model, {}))
        self.assertIn("must be BYTES", failure(self, model, {"text": numpy.ones(1)}))

    def test_what_tensorflow_refuses_is_said_without_its_stack(self) -> None:
        model = self.load("tensorflow", self.save(lambda x: tf.gather([1.0, 2.0], tf.cast(x, tf.int32))))
        self.assertRegex(failure(self, model, {"x": numpy.full(1, 5, "f4")}), r"^indices\[0\] = 5 is not in \[0, 2\)$")

    def test_operations_that_reach_files_are_refused(self) -> None:
        mark = str(self.mark)

        def write(x):
            tf.io.write_file(mark, "x")
            return x

        def checkpoint(x):
            tf.raw_ops.SaveV2(prefix=mark, tensor_names=["x"], shape_and_slices=[""], tensors=[x])
            return x

        def within(x):
            return tf.map_fn(lambda each: write(each), x)

        reads = (lambda x: x + float(1) * tf.cast(tf.strings.length(tf.io.read_file("/etc/hostname")), tf.float32), "ReadFile")
        prints = (lambda x: [tf.print(x, output_stream=f"file://{mark}"), x][1], "PrintV2")
        lines = (lambda x: x + tf.data.TextLineDataset(mark).reduce(0.0, lambda state, _: state), "TextLineDataset")
        for function, says in ((write, "WriteFile"), (checkpoint, "SaveV2"), (within, "WriteFile"), reads, prints, lines):
            with self.subTest(says):
                self.refused("tensorflow", self.save(function), f"operation {says}")
        self.load("tensorflow", self.save(write), code=True)
        self.assertTrue(self.mark.exists())

    def test_python_functions_cannot_be_served(self) -> None:
        file = self.save(lambda x: tf.py_function(lambda each: each, [x], tf.float32))
        self.refused("tensorflow", file, "calls Python", "INVALID_ARGUMENT", code=True)

    def test_vocabularies_that_come_along_are_ordinary(self) -> None:
        vocabulary = self.folder / "words.txt"
        vocabulary.write_text("a\nb\n")
        module = tf.Module()
        module.file = tf.saved_model.Asset(str(vocabulary))
        line, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        initializer = tf.lookup.TextFileInitializer(module.file, tf.string, line, tf.int64, number)
        module.table = tf.lookup.StaticHashTable(initializer, -1)
        module.call = tf.function(lambda text: module.table.lookup(text), input_signature=[tf.TensorSpec([None], tf.string, "text")])
        tf.saved_model.save(module, str(self.folder / "1"), signatures=module.call)
        vocabulary.unlink()
        model = self.load("tensorflow", self.folder / "1")
        self.assertEqual(answers(model, {"text": numpy.array(["b", "c"], object)})["output_0"].tolist(), [1, -1])

    def test_unsaved_signatures_are_asked_for(self) -> None:
        tf.saved_model.save(tf.Module(), str(self.folder / "1"))
        self.refused("tensorflow", self.folder / "1", "has no signatures", "INVALID_ARGUMENT")


if __name__ == "__main__":
    unittest.main()
