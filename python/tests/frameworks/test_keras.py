"""Keras files: what their models answer, and that none of them runs code that nobody trusts."""

from __future__ import annotations

import unittest
from pathlib import Path

import keras
import numpy

from loads import LoadTest, answers, failure


class KerasTest(LoadTest):
    def save(self, model: keras.Model, name: str = "model.keras") -> Path:
        file = self.folder / name
        model.save(file)
        return file

    def test_inputs_and_outputs_have_the_names_of_the_model(self) -> None:
        a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b", dtype="int32")
        by_keys = keras.Model({"a": a, "b": b}, {"z": a + keras.ops.cast(b, "float32"), "c": keras.layers.Dense(1)(a)})
        by_layers = keras.Model([b, a], [keras.layers.Dense(1, name="first")(a), keras.layers.Dense(2, name="second")(a)])
        given = {"a": numpy.ones((1, 2), "f4"), "b": numpy.ones((1, 2), "i4")}
        keys, layers = {"c": (1, 1), "z": (1, 2)}, {"first": (1, 1), "second": (1, 2)}
        for model, file, names in ((by_keys, "a.keras", keys), (by_layers, "b.keras", layers), (by_layers, "b.h5", layers)):
            loaded = self.load("keras", self.save(model, file))
            self.assertEqual({name: value.shape for name, value in answers(loaded, given).items()}, names)
        self.assertIn("'b' is missing", failure(self, loaded, {"a": given["a"]}))

    def test_text(self) -> None:
        layer = keras.layers.TextVectorization(output_sequence_length=3, vocabulary=["hello", "world"])
        model = self.load("keras", self.save(keras.Sequential([keras.Input((1,), dtype="string", name="text"), layer])))
        self.assertEqual(model.description["methods"]["predict"]["inputs"][0]["datatype"], "BYTES")
        self.assertEqual(list(answers(model, {"text": numpy.array([["hello you"]], object)}).values())[0].tolist(), [[2, 1, 0]])

    def test_lambda_layers_need_trust(self) -> None:
        function = eval(f"lambda x: [open({str(self.mark)!r}, 'w'), x][1]")
        layer = keras.layers.Lambda(function, output_shape=(2,))
        model = keras.Sequential([keras.Input((2,)), layer])
        for name in ("model.keras", "model.h5"):
            with self.subTest(name):
                file = self.save(model, name)
                self.mark.unlink(missing_ok=True)
                self.refused("keras", file, "Lambda layer.*nitrous/trust: code")
                self.refused("keras", file, "Lambda layer", trust="pickle")
                self.runs_when_trusted("keras", file)

    def test_classes_of_somebodys_own_are_named(self) -> None:
        class Twice(keras.layers.Layer):
            def call(self, x):
                return x * 2

        file = self.save(keras.Sequential([keras.Input((2,)), Twice()]))
        self.refused("keras", file, "needs class 'Twice', which is not part of Keras", "FAILED_PRECONDITION")

    def test_weights_alone_are_no_model(self) -> None:
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.save_weights(self.folder / "model.weights.h5")
        self.refused("keras", self.folder / "model.weights.h5", "holds weights and no model", "INVALID_ARGUMENT")


if __name__ == "__main__":
    unittest.main()
