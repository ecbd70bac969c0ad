from __future__ import annotations

import json
import os
import sys
import unittest
from types import SimpleNamespace
from typing import Any

import numpy

from nitrous_host.archives.archive_model import ArchiveModel
from nitrous_host.archives.entry_point import provide_ts
from nitrous_host.errors import HostError
from nitrous_host.payload import Call, Payload

provide_ts()

from ts.context import Context  # noqa: E402
from ts.handler_utils.micro_batching import MicroBatching  # noqa: E402
from ts.handler_utils.text_utils import get_tokenizer, ngrams_iterator  # noqa: E402
from ts.handler_utils.utils import send_intermediate_predict_response  # noqa: E402
from ts.metrics.metrics_store import MetricsStore  # noqa: E402
from ts.utils.util import PredictionException, map_class_to_label  # noqa: E402


def request(headers: dict[str, str], *parts: tuple[str, str, bytes]) -> bytes:
    head = json.dumps({"headers": headers, "parts": [{"name": name, "type": kind, "bytes": len(data)} for name, kind, data in parts]}).encode()
    return len(head).to_bytes(4, "little") + head + b"".join(data for _, _, data in parts)


def response(element: bytes) -> tuple[dict[str, Any], bytes]:
    end = 4 + int.from_bytes(element[:4], "little")
    return json.loads(element[4:end]), element[end:]


class Calls(unittest.TestCase):
    """`self.given` are the rows of each call of the handler."""

    def model(self, answer: Any, batch_size: int = 1, envelope: str | None = None) -> ArchiveModel:
        self.given: list[Any] = []

        def handle(data: Any, context: Any) -> Any:
            self.given.append(data)
            return answer(data, context)

        self.context = Context("m", "/nowhere", {"model": {}}, batch_size, None, "0", True, MetricsStore({}, "m"), {})
        self.context.intermediate_responses = []
        return ArchiveModel({}, handle, self.context, batch_size, envelope, SimpleNamespace())  # type: ignore[arg-type]

    def send(self, model: ArchiveModel, *requests: bytes, method: str = "predictions") -> list[tuple[dict[str, Any], bytes]]:
        elements = numpy.empty(len(requests), dtype=object)
        elements[:] = list(requests)
        answer = model.infer(Call(method, Payload("tensors", {"request": elements})))
        return [response(element) for element in answer.value["response"]]

    def test_give_a_handler_what_torchserve_gives_it(self) -> None:
        model = self.model(lambda data, context: ["ok"])
        for parts, row in [
            ([("body", "", b"\xff")], {"body": b"\xff"}),
            ([("body", "application/json", b"[1]")], {"body": [1]}),
            ([("body", "text/plain", "ü".encode())], {"body": "ü"}),
            ([("data", "", b"1"), ("x", "application/json", b"{}"), ("data", "", b"2")], {"data": b"2", "x": {}}),
        ]:
            self.send(model, request({}, *parts))
            self.assertEqual(self.given.pop(), [row])

    def test_share_a_call_up_to_the_batch_size(self) -> None:
        model = self.model(lambda data, context: [context.get_request_header(index, "Who") for index in range(len(data))], batch_size=2)
        answers = self.send(model, *[request({"who": str(index)}, ("body", "", b"")) for index in range(5)])
        self.assertEqual([len(rows) for rows in self.given], [2, 2, 1])
        self.assertEqual([body for _, body in answers], [b"0", b"1", b"2", b"3", b"4"])

    def test_leave_out_a_request_that_cannot_be_read(self) -> None:
        model = self.model(lambda data, context: data, batch_size=3)
        good, bad = request({}, ("body", "text/plain", b"a")), request({}, ("body", "application/json", b"{"))
        answers = self.send(model, good, bad, good)
        self.assertEqual([head["status"] for head, _ in answers], [200, 400, 200])
        self.assertEqual(len(self.given[0]), 2)

    def test_answer_each_kind_of_value(self) -> None:
        for value, body, kind in [
            (b"\x00", b"\x00", "application/octet-stream"),
            ("text", b"text", "text/plain; charset=utf-8"),
            ({"a": float("nan")}, b'{\n  "a": null\n}', "application/json"),
            (numpy.float32(1.5), b"1.5", "application/json"),
        ]:
            ((head, answered),) = self.send(self.model(lambda data, context: [value]), request({}, ("body", "", b"")))
            self.assertEqual((answered, head["type"]), (body, kind))

    def test_tell_of_failures_as_torchserve_does(self) -> None:
        def refuse(data: Any, context: Any) -> Any:
            raise PredictionException("no", 513)

        def fail(data: Any, context: Any) -> Any:
            raise ValueError("first line\nsecond line")

        for answer, status, error in [
            (refuse, 513, "no"),
            (fail, 503, "Prediction failed: ValueError: first line"),
            (lambda data, context: "text", 503, "Invalid model predict output: handle must return a list"),
            (lambda data, context: [1, 2], 503, "number of batch response mismatched"),
            (lambda data, context: [object()], 503, "which is no JSON"),
        ]:
            stderr, sys.stderr = sys.stderr, open(os.devnull, "w")
            try:
                ((head, body),) = self.send(self.model(answer), request({}, ("body", "", b"")))
            finally:
                sys.stderr.close()
                sys.stderr = stderr
            self.assertEqual((head["status"], body), (status, b""))
            self.assertIn(error, head["error"])

    def test_let_the_handler_say_how_it_answers(self) -> None:
        def handle(data: Any, context: Any) -> Any:
            context.set_response_content_type(0, "image/png")
            context.set_response_header(0, "X-Own", "1")
            context.set_response_status(202, "later", 0)
            send_intermediate_predict_response(["first "], context.request_ids, "", 200, context)
            return ["last"]

        ((head, body),) = self.send(self.model(handle), request({}, ("body", "", b"")))
        self.assertEqual((head, body), ({"status": 202, "headers": {"x-own": "1"}, "type": "image/png"}, b"first last"))

    def test_say_whether_an_explanation_or_a_description_is_wanted(self) -> None:
        def handle(data: Any, context: Any) -> Any:
            return [f"{context.get_request_header(0, 'explain')} {context.get_request_header(0, 'describe')}"]

        model = self.model(handle, batch_size=4)
        for method, said in [("predictions", b"False None"), ("explanations", b"True None"), ("descriptions", b"False True")]:
            self.assertEqual([body for _, body in self.send(model, request({}, ("body", "", b"")), method=method)], [said])

    def test_unwrap_and_wrap_envelopes(self) -> None:
        v2 = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 1], "data": [1, 2]}]}
        for envelope, body, given, answered in [
            ("body", {"a": 1}, [{"a": 1}], {"a": 1}),
            ("json", {"instances": [{"b64": "aGk="}, 2]}, [b"hi", 2], {"predictions": ["hi", 2]}),
            ("kserve", {"instances": [3]}, [3], {"predictions": [3]}),
            ("kservev2", v2, [{**v2["inputs"][0], "data": [[1], [2]]}], None),
        ]:
            with self.subTest(envelope=envelope):
                model = self.model(lambda data, context: data, envelope=envelope)
                ((head, text),) = self.send(model, request({}, ("body", "application/json", json.dumps(body).encode())))
                self.assertEqual((head["status"], self.given), (200, [given]))
                if answered is not None:
                    self.assertEqual(json.loads(text), answered)
        ((head, _),) = self.send(self.model(lambda data, context: data, envelope="kserve"), request({}, ("body", "", b"no")))
        self.assertEqual(head["status"], 400)

    def test_answer_v1_and_v2(self) -> None:
        model = self.model(lambda data, context: data)
        self.assertEqual(model.infer(Call("predict", Payload("rows", [[1], [2]]))).value, {"predictions": [[1], [2]]})
        self.assertEqual(model.infer(Call("explain", Payload("rows", [1]))).value, {"explanations": [1]})
        model = self.model(lambda data, context: [row["data"] for row in data])
        answer = model.infer(Call("predict", Payload("tensors", {"x": numpy.array([[1.5, 2.5]]), "t": numpy.array(["a"], dtype=object)})))
        self.assertEqual({name: array.tolist() for name, array in answer.value.items()}, {"x": [1.5, 2.5], "t": ["a"]})
        with self.assertRaisesRegex(HostError, "mismatched: handle was given 2 and returned 0") as raised:
            self.model(lambda data, context: []).infer(Call("predict", Payload("rows", [1, 2])))
        self.assertEqual(raised.exception.code, "INTERNAL")

        def refuse(data: Any, context: Any) -> Any:
            context.set_response_status(404, "nothing there", 0)
            return ["x"]

        with self.assertRaisesRegex(HostError, "nothing there") as raised:
            self.model(refuse).infer(Call("predict", Payload("rows", [1])))
        self.assertEqual(raised.exception.code, "NOT_FOUND")


class Adder:
    """A handler whose steps tell which part they worked on."""

    def __init__(self) -> None:
        self.context: Any = None
        self.handle = MicroBatching(self, 2, {"inference": 2})

    def preprocess(self, data: list[Any]) -> list[Any]:
        return [row["body"] for row in data]

    def inference(self, data: list[Any]) -> list[Any]:
        return [value + 1 for value in data]

    def postprocess(self, data: list[Any]) -> list[Any]:
        return [f"{value} of part {self.handle.get_micro_batch_idx()}" for value in data]

    def _is_explain(self) -> bool:
        return False

    _is_describe = _is_explain


class Helpers(unittest.TestCase):
    def test_work_on_parts_of_a_batch_in_order(self) -> None:
        handler = Adder()
        self.addCleanup(handler.handle.shutdown)
        context = Context("m", "/nowhere", {}, 5, None, "0", metrics=MetricsStore())
        answers = handler.handle([{"body": value} for value in range(5)], context)
        self.assertEqual(answers, ["1 of part 0", "2 of part 0", "3 of part 1", "4 of part 1", "5 of part 2"])
        with self.assertRaisesRegex(ValueError, "not training"):
            handler.handle.parallelism = {"training": 1}

    def test_map_classes_to_labels(self) -> None:
        self.assertEqual(map_class_to_label([[0.5, 0.2]], {"0": "a", "1": "b"}), [{"a": 0.5, "b": 0.2}])
        self.assertEqual(map_class_to_label([[0.5, 0.2]], None, [[7, 3]]), [{"7": 0.5, "3": 0.2}])

    def test_split_english(self) -> None:
        self.assertEqual(get_tokenizer("basic_english")('You, "can" (now)!'), ["you", ",", "can", "(", "now", ")", "!"])
        self.assertEqual(list(ngrams_iterator(["a", "b", "c"], 3)), ["a", "b", "c", "a b", "b c", "a b c"])
