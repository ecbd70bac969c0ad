"""What an MLflow signature makes of requests, and what answers become. The flavours themselves are tested with MLflow, in test/frameworks."""

from __future__ import annotations

import unittest
from typing import Any

import numpy
import pandas

from nitrous_host.errors import HostError
from nitrous_host.mlflow_models.inputs import to_input
from nitrous_host.mlflow_models.outputs import to_payload
from nitrous_host.mlflow_models.parameters import read_parameters
from nitrous_host.mlflow_models.signature import Parameter, Signature, read_signature
from nitrous_host.payload import Payload

COLUMNS = """[{"type": "double", "name": "price"}, {"type": "long", "name": "rooms"}, {"type": "string", "name": "street"},
  {"type": "datetime", "name": "built", "required": false}, {"type": "binary", "name": "picture", "required": false}]"""
ROW = {"price": 1.5, "rooms": 3, "street": "Elm"}


def columns() -> Signature:
    return read_signature({"inputs": COLUMNS})


def tensors(*entries: str) -> Signature:
    return read_signature({"inputs": f"[{','.join(entries)}]"})


class Columns(unittest.TestCase):
    def refused(self, payload: Payload, says: str, signature: Signature | None = None) -> None:
        with self.assertRaises(HostError) as caught:
            to_input(payload, signature or columns())
        self.assertEqual(caught.exception.code, "INVALID_ARGUMENT")
        self.assertRegex(caught.exception.message, says)

    def test_rows_columns_and_tensors_make_the_same_frame(self) -> None:
        expected = pandas.DataFrame({"price": [1.5, 2.0], "rooms": [3, 4], "street": ["Elm", "Oak"]})
        other = {"price": 2, "rooms": 4, "street": "Oak", "colour": "red"}
        arrays = {"rooms": numpy.array([3, 4], "int32"), "street": numpy.array(["Elm", "Oak"], object), "price": numpy.array([[1.5], [2.0]])}
        for payload in (
            Payload("rows", [ROW, other]),
            Payload("columns", {"street": ["Elm", "Oak"], "rooms": [3, 4], "price": [1.5, 2]}),
            Payload("tensors", arrays),
        ):
            frame = to_input(payload, columns())
            pandas.testing.assert_frame_equal(frame, expected)

    def test_missing_values_are_those_of_the_type(self) -> None:
        frame = to_input(Payload("rows", [{**ROW, "price": None, "built": None, "street": None}]), columns())
        self.assertTrue(frame.isna().loc[0, ["price", "built", "street"]].all())
        self.refused(Payload("rows", [{**ROW, "rooms": None}]), "'rooms' has null in row 0")

    def test_times_are_iso_and_bytes_are_base64(self) -> None:
        frame = to_input(Payload("rows", [{**ROW, "built": "2001-02-03T04:05:06", "picture": "AAE="}]), columns())
        self.assertEqual(frame.built[0], pandas.Timestamp("2001-02-03 04:05:06"))
        self.assertEqual(frame.built.dtype, "datetime64[ns]")
        self.assertEqual(frame.picture[0], b"\x00\x01")
        self.refused(Payload("rows", [{**ROW, "built": "yesterday"}]), "'built' has a text that is no ISO date")
        self.refused(Payload("rows", [{**ROW, "built": "2001-02-03T04:05:06Z"}]), "'built' has times with a time zone")
        self.refused(Payload("rows", [{**ROW, "picture": "?"}]), "'picture' is binary")

    def test_what_does_not_fit_is_named(self) -> None:
        self.refused(Payload("rows", [{"price": 1, "colour": 2}]), "missing inputs 'rooms', 'street'.*others.*'colour'.*rooms \\(long\\)")
        self.refused(Payload("rows", [{**ROW, "price": "1.5"}]), "'price', row 0: \"1.5\" is no value.*double")
        self.refused(Payload("rows", [{**ROW, "price": True}]), "'price', row 0: true")
        self.refused(Payload("rows", [{**ROW, "rooms": 2.5}]), "'rooms', row 0: 2.5")
        self.refused(Payload("rows", [ROW, {"price": 1}]), "'rooms', 'street' in row 1")
        self.refused(Payload("rows", [[1, 2]]), "row 0 is neither an object nor a list of the 5 columns")
        arrays = {"price": numpy.array([1]), "rooms": numpy.array([2**40]), "street": numpy.array(["x"], object)}
        to_input(Payload("tensors", arrays), columns())
        self.refused(Payload("tensors", {**arrays, "price": numpy.array([7])}), "'price' is int64.*double without loss; send FP64")
        self.refused(Payload("tensors", {**arrays, "rooms": numpy.array([1.0])}), "'rooms' is float64.*send INT64")
        self.refused(Payload("tensors", {**arrays, "street": numpy.array([1])}), "'street' is int64.*string.*send BYTES")
        self.refused(Payload("tensors", {**arrays, "price": numpy.ones(2)}), "same number of rows")


class Tensors(unittest.TestCase):
    UNNAMED = '{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}'
    NAMED = '{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}, "name": "ids"}'

    def test_one_tensor_has_any_name(self) -> None:
        signature = tensors(self.UNNAMED)
        for payload in (Payload("rows", [[1, None]]), Payload("tensors", {"x": numpy.array([[1, numpy.nan]], "float32")})):
            array = to_input(payload, signature)
            self.assertEqual(array.dtype, numpy.float32)
            numpy.testing.assert_array_equal(array, [[1, numpy.nan]])

    def test_named_tensors_are_objects_of_arrays(self) -> None:
        signature = tensors(self.NAMED, self.UNNAMED.replace("}}", '}, "name": "x"}'))
        arrays = to_input(Payload("rows", [{"ids": 1, "x": [1, 2]}, {"ids": 2, "x": [3, 4]}]), signature)
        self.assertEqual({name: array.tolist() for name, array in arrays.items()}, {"ids": [1, 2], "x": [[1, 2], [3, 4]]})
        with self.assertRaisesRegex(HostError, "missing inputs x"):
            to_input(Payload("columns", {"ids": [1]}), signature)

    def test_datatypes_and_shapes_are_the_signatures(self) -> None:
        signature = tensors(self.UNNAMED)
        for payload, says in (
            (Payload("tensors", {"x": numpy.ones((1, 2))}), "is float64.*sent as FP32"),
            (Payload("rows", [[1, 2, 3]]), "has shape \\[1, 3\\].*\\[-1, 2\\]"),
            (Payload("rows", [["a", "b"]]), "none of the signature's float32"),
            (Payload("rows", [[1, 2], [3]]), "not rectangular"),
        ):
            with self.assertRaisesRegex(HostError, says):
                to_input(payload, signature)


class Parameters(unittest.TestCase):
    KNOWN = [
        Parameter("temperature", "double", 0.5),
        Parameter("count", "long", 3),
        Parameter("stop", "string", ["."], [-1]),
        Parameter("options", "object", {"a": 1}),
        Parameter("since", "datetime", None),
    ]

    def test_defaults_and_values_have_their_types(self) -> None:
        defaults = {"temperature": 0.5, "count": 3, "stop": ["."], "options": {"a": 1}, "since": None}
        self.assertEqual(read_parameters(self.KNOWN, {"content_type": "pd"}), defaults)
        given = read_parameters(self.KNOWN, {"temperature": 1, "stop": '["!", "?"]', "options": '{"a": 2}'})
        self.assertEqual({**defaults, "temperature": 1.0, "stop": ["!", "?"], "options": {"a": 2}}, given)
        self.assertIs(type(given["temperature"]), float)

    def test_other_types_are_refused(self) -> None:
        wrong: list[tuple[str, Any]] = [
            ("count", 1.5), ("count", True), ("count", "3"), ("temperature", "hot"), ("stop", "!"), ("stop", "[1]"), ("options", "[]"), ("since", "soon"), ("since", 3),
        ]  # fmt: skip
        for name, value in wrong:
            with self.subTest(name=name, value=value), self.assertRaisesRegex(HostError, f"parameter '{name}' is"):
                read_parameters(self.KNOWN, {name: value})


class Outputs(unittest.TestCase):
    def test_frames_have_an_output_for_each_column(self) -> None:
        moments = pandas.to_datetime(["2001-02-03", "2001-02-04"])
        frame = pandas.DataFrame({"label": ["a", "b"], "score": [0.5, 1.5], "when": moments, "vector": [[1, 2], [3, 4]]})
        payload = to_payload(frame, "predict")
        self.assertEqual(payload.kind, "tensors")
        self.assertEqual({name: array.tolist() for name, array in payload.value.items()}, {
            "label": ["a", "b"],
            "score": [0.5, 1.5],
            "when": ["2001-02-03T00:00:00", "2001-02-04T00:00:00"],
            "vector": [[1, 2], [3, 4]],
        })  # fmt: skip
        self.assertEqual(list(to_payload(frame, "predict", ["score"]).value), ["score"])
        with self.assertRaisesRegex(HostError, "unknown output 'x'; the model answers label, score, when, vector"):
            to_payload(frame, "predict", ["x"])

    def test_arrays_lists_and_series_are_one_output(self) -> None:
        for answer in (numpy.array([1.0, 2.0]), [1.0, 2.0], pandas.Series([1.0, 2.0])):
            self.assertEqual(to_payload(answer, "score").value["score"].tolist(), [1.0, 2.0])
        self.assertEqual(to_payload(["a", "bc"], "text").value["text"].tolist(), ["a", "bc"])
        self.assertEqual(to_payload({"x": [1], "y": [2.5]}, "predict").value["y"].tolist(), [2.5])

    def test_everything_else_is_json(self) -> None:
        for answer, expected in (
            ([{"a": numpy.float64("nan")}, {"a": numpy.int64(1)}], [{"a": None}, {"a": 1}]),
            ("text", "text"),
            (pandas.DataFrame({"a": ["x", None]}), [{"a": "x"}, {"a": None}]),
            ({"nested": {"list": (1, 2)}}, {"nested": {"list": [1, 2]}}),
        ):
            payload = to_payload(answer, "predict")
            self.assertEqual((payload.kind, payload.value), ("json", expected))
        with self.assertRaisesRegex(HostError, "neither a tensor nor JSON"):
            to_payload(object(), "predict")


if __name__ == "__main__":
    unittest.main()
