"""Decoupled models of Triton's Python backend, and responses that are sent and not returned."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host import frames
from nitrous_host.requests import write_outputs
from triton_support import DECOUPLED, TritonTest, one, outputs_of


class Decoupled(TritonTest):
    def begin(self, *values: int, credit: int = 100) -> int:
        meta, blobs = write_outputs([("IN", numpy.array([values], numpy.int32), None)])
        return self.open(frames.INFER, {"model": self.handle, "method": "predict", "credit": credit, **meta}, blobs)

    def until_end(self) -> list[Any]:
        """The outputs of each chunk, and how it ended."""
        told: list[Any] = []
        while (frame := self.receive()).type == frames.CHUNK:
            told.append(dict(outputs_of(frame)))
        return [*told, "end" if frame.type == frames.END else frame.meta["message"]]

    def test_any_number_of_responses(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    for request in requests:
                        sender = request.get_response_sender()
                        for number in range(request.inputs()[0].as_numpy()[0, 0]):
                            sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([number], np.int32))]))
                        sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
            """,
            **DECOUPLED,
        )
        self.begin(3)
        self.assertEqual(self.until_end(), [{"OUT": [0]}, {"OUT": [1]}, {"OUT": [2]}, "end"])
        self.begin(0)
        self.assertEqual(self.until_end(), ["end"])

    def test_no_more_than_there_is_credit_for(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    sender = requests[0].get_response_sender()
                    for number in range(1000):
                        sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([number], np.int32))]))
            """,
            **DECOUPLED,
        )
        stream = self.begin(1, credit=2)
        for number in range(1000):
            self.assertEqual(outputs_of(self.receive()), [("OUT", [number])])
            self.connection.send(frames.CREDIT, stream, {"chunks": 1})
        self.assertEqual(self.receive().type, frames.END)

    def test_a_thread_goes_on_when_execute_has_returned(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    sender = requests[0].get_response_sender()
                    begun = threading.Event()
                    def work():
                        begun.wait()
                        sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([sender.is_cancelled()]))]))
                        while not sender.is_cancelled():
                            pass
                    threading.Thread(target=work).start()
                    begun.set()
            """,
            **DECOUPLED,
        )
        first = self.begin(1)
        self.assertEqual(outputs_of(self.receive()), [("OUT", [False])])
        second = self.begin(1)
        self.assertEqual(self.receive().stream, second)
        self.connection.send(frames.CANCEL, first, {})
        frame = self.receive()
        self.assertEqual((frame.stream, frame.type, frame.meta["code"]), (first, frames.ERROR, "CANCELLED"))
        self.connection.send(frames.CANCEL, second, {})
        self.assertEqual(self.receive().stream, second)

    def test_failures_end_the_stream(self) -> None:
        for body, expected in (
            ("raise ValueError('no')", ["Failed to process the request(s) for model instance 'test_0_0', message: ValueError: no"]),
            ("return [1]", "must return None"),
            ("requests[0].get_response_sender().send(pb_utils.InferenceResponse(error=pb_utils.TritonError('told')))", ["told"]),
            ("pass", ["end"]),
            ("return self.later()\n    async def later(self): raise ValueError('later')", "message: ValueError: later"),
        ):
            with self.subTest(body):
                self.served(f"class TritonPythonModel:\n    def execute(self, requests):\n        {body}", **DECOUPLED)
                self.begin(1)
                told = self.until_end()
                self.assertEqual(told, expected) if isinstance(expected, list) else self.assertIn(expected, told[0])

    def test_coroutines_run_beside_each_other(self) -> None:
        self.served(
            """
            import asyncio
            class TritonPythonModel:
                event = None
                async def execute(self, requests):
                    self.event = self.event or asyncio.Event()
                    if requests[0].inputs()[0].as_numpy()[0, 0] == 1:
                        await self.event.wait()
                    self.event.set()
                    response = pb_utils.InferenceResponse([pb_utils.Tensor("OUT", requests[0].inputs()[0].as_numpy())])
                    requests[0].get_response_sender().send(response, pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
            """,
            **DECOUPLED,
        )
        self.begin(1)
        self.begin(2)
        self.assertEqual(self.until_end(), [{"OUT": [[2]]}, "end"])
        self.assertEqual(self.until_end(), [{"OUT": [[1]]}, "end"])


class FirstResponse(TritonTest):
    def test_is_the_answer_whatever_comes_after_it(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    def made(value):
                        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([value], np.int32))])
                    requests[0].get_response_sender().send(made(1))
                    if len(requests) == 2:
                        raise ValueError("too late for the first")
                    return [made(2)]
            """
        )
        self.assertEqual(self.answers(one(1)), [{"OUT": [1]}])
        first, second = self.answers(one(1), one(1))
        self.assertEqual(first, {"OUT": [1]})
        self.assertIn("too late for the first", second["message"])
