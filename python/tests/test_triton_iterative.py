"""Iterative sequences of Triton's Python backend: requests that are executed step by step, with those that come meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy

from nitrous_host import frames
from nitrous_host.requests import write_outputs
from triton_support import TritonTest, one, outputs_of

# The first call waits for a file. Each request takes as many steps as its input says, and is answered with the sizes of the calls that it was in.
STEPS = """
import os
import time

class TritonPythonModel:
    def initialize(self, args):
        self.seen = {}
        self.gate = os.path.join(pb_utils.get_model_dir(), "go")

    def execute(self, requests):
        open(self.gate + "ing", "w").close()
        while not os.path.exists(self.gate):
            time.sleep(0.001)
        return [self.step(request, len(requests)) for request in requests]

    def step(self, request, size):
        id = request.correlation_id()
        if request.flags() & pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_START:
            self.seen[id] = []
        self.seen[id].append(size)
        if len(self.seen[id]) < request.inputs()[0].as_numpy()[0, 0]:
            request.set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
            return None
        return pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array(self.seen.pop(id), np.int32))])
"""

# The same, with an answer at each step.
DECOUPLED = """
class TritonPythonModel:
    def initialize(self, args):
        self.seen = {}

    def execute(self, requests):
        for request in requests:
            id = request.correlation_id()
            if request.flags() & pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_START:
                self.seen[id] = 0
            self.seen[id] += 1
            response = pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([self.seen[id], len(requests)], np.int32))])
            if self.seen[id] < request.inputs()[0].as_numpy()[0, 0]:
                request.set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
                request.get_response_sender().send(response)
            else:
                request.get_response_sender().send(response, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""

FOR_EVER = """
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            request.set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
        return [None for _ in requests]
"""


def first(steps: int, id: int) -> dict[str, Any]:
    return one(steps, sequence={"id": id, "start": True, "end": False})


class IterativeTest(TritonTest):
    def iterative(self, code: str, **configuration: Any) -> dict[str, Any]:
        return self.served(code, **{"sequence_batching": {"iterative_sequence": True}, **configuration})

    def first_call(self, request: dict[str, Any]) -> int:
        """One that is executed alone, and waits."""
        stream = self.ask(request)
        while not list(self.folder.glob("*/going")):
            time.sleep(0.001)
        return stream

    def go(self) -> None:
        """What has been sent by now has come when the call that waits is over."""
        (file,) = self.folder.glob("*/model.py")
        Path(file.parent, "go").touch()

    def begin(self, request: dict[str, Any]) -> int:
        """A stream of a decoupled model."""
        ((name, array),) = request["inputs"].items()
        meta, blobs = write_outputs([(name, array, None)])
        return self.open(frames.INFER, {"model": self.handle, "method": "predict", "credit": 100, "sequence": request["sequence"], **meta}, blobs)

    def until_over(self, *streams: int) -> dict[int, list[frames.Frame]]:
        """The frames of each stream, in the order in which the streams end."""
        got: dict[int, list[frames.Frame]] = {stream: [] for stream in streams}
        over: dict[int, list[frames.Frame]] = {}
        while len(over) < len(streams):
            frame = self.receive()
            got[frame.stream].append(frame)
            if frame.type != frames.CHUNK:
                over[frame.stream] = got[frame.stream]
        return over


class OneAnswer(IterativeTest):
    def answers_of(self, *streams: int) -> list[tuple[int, Any]]:
        return [(stream, outputs_of(frame)[0][1]) for stream, (frame,) in self.until_over(*streams).items()]

    def test_new_requests_join_those_that_are_under_way(self) -> None:
        signature = self.iterative(STEPS)
        self.assertEqual((signature["together"], signature["streaming"], signature["concurrency"]), (True, False, 8))
        long, short, middle = self.first_call(first(3, 1)), self.ask(first(1, 2)), self.ask(first(2, 3))
        self.go()
        self.assertEqual(self.answers_of(long, short, middle), [(short, [3]), (long, [1, 3, 2]), (middle, [3, 2])])

    def test_a_call_has_at_most_max_batch_size_requests_and_those_that_wait_come_first(self) -> None:
        self.iterative(STEPS, max_batch_size=2, sequence_batching={"iterative_sequence": True, "oldest": {"max_candidate_sequences": 5}})
        self.assertEqual(self.description["methods"]["predict"]["concurrency"], 5)
        streams = [self.first_call(first(3, 1)), self.ask(first(1, 2)), self.ask(first(2, 3))]
        self.go()
        self.assertEqual(dict(self.answers_of(*streams)), {streams[0]: [1, 2, 2], streams[1]: [2], streams[2]: [2, 1]})

    def test_requests_of_other_shapes_are_in_other_calls(self) -> None:
        self.iterative(STEPS)
        opening = self.first_call(first(1, 1))
        wide = self.ask({**first(1, 2), "inputs": {"IN": numpy.array([[1, 1]], numpy.int32)}})
        narrow = self.ask(first(1, 3))
        self.go()
        self.assertEqual(self.answers_of(opening, wide, narrow), [(opening, [1]), (wide, [1]), (narrow, [1])])

    def test_the_beginning_is_told_once(self) -> None:
        self.iterative(
            """
            class TritonPythonModel:
                told = []
                def execute(self, requests):
                    request = requests[0]
                    start = pb_utils.get_input_tensor_by_name(request, "START").as_numpy()
                    self.told += [request.flags(), *start[0].tolist()]
                    if len(self.told) < 6:
                        request.set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
                        return [None]
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array(self.told, np.int32))])]
            """,
            sequence_batching={
                "iterative_sequence": True,
                "control_input": [{"name": "START", "control": [{"kind": "CONTROL_SEQUENCE_START", "int32_false_true": [7, 8]}]}],
            },
        )
        request = {"inputs": {"START": numpy.array([[8]], numpy.int32)}, "sequence": {"id": 1, "start": True, "end": False}}
        self.assertEqual(self.answers(request), [{"OUT": [1, 8, 0, 7, 0, 7]}])

    def test_what_goes_on_for_ever_ends_when_nobody_waits(self) -> None:
        self.iterative(FOR_EVER)
        stream = self.ask(first(1, 1))
        self.connection.send(frames.PING, 99, {})
        self.assertEqual(self.receive().type, frames.PONG)
        self.connection.send(frames.CANCEL, stream, {})
        ended = self.receive()
        self.assertEqual((ended.type, ended.stream, ended.meta["code"]), (frames.ERROR, stream, "CANCELLED"))

    def test_an_exception_ends_those_of_its_call(self) -> None:
        self.iterative(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    raise ValueError("no")
            """
        )
        stream = self.ask(first(1, 1))
        self.assertRegex(self.until_over(stream)[stream][0].meta["message"], "Failed to process the request.*no")

    def test_a_response_with_the_flag_is_wrong(self) -> None:
        self.iterative(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    requests[0].set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([1], np.int32))])]
            """
        )
        stream = self.ask(first(1, 1))
        self.assertRegex(self.until_over(stream)[stream][0].meta["message"], "Expected a None object in the execute function return list for reschduled request")

    def test_nothing_returned_and_nothing_sent_is_an_error(self) -> None:
        self.iterative(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    if requests[0].flags():
                        requests[0].set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
                    elif requests[0].correlation_id() == 2:
                        requests[0].get_response_sender().send(pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([2], np.int32))]), flags=1)
            """
        )
        stream = self.ask(first(1, 1))
        self.assertRegex(self.until_over(stream)[stream][0].meta["message"], "neither returned nor sent")
        self.assertEqual(self.answers(first(1, 2)), [{"OUT": [2]}])


class Decoupled(IterativeTest):
    def test_each_step_of_all_streams_may_be_answered(self) -> None:
        signature = self.iterative(DECOUPLED, model_transaction_policy={"decoupled": True})
        self.assertTrue(signature["streaming"])
        # While the frames are sent the first may have gone on alone.
        streams = [self.begin(first(40, 1)), self.begin(first(40, 2)), self.begin(first(20, 3))]
        over = self.until_over(*streams)
        answers = {stream: [outputs_of(frame)[0][1] for frame in got if frame.type == frames.CHUNK] for stream, got in over.items()}
        self.assertEqual([[step for step, _ in answers[stream]] for stream in streams], [[*range(1, 41)], [*range(1, 41)], [*range(1, 21)]])
        self.assertEqual(max(size for got in answers.values() for _, size in got), 3)
        self.assertTrue(all(got[-1].type == frames.END for got in over.values()))

    def test_a_stream_that_is_cancelled_is_not_executed_again(self) -> None:
        self.iterative(DECOUPLED, model_transaction_policy={"decoupled": True})
        stream = self.begin(first(1_000_000, 1))
        self.assertEqual(self.receive().type, frames.CHUNK)
        self.connection.send(frames.CANCEL, stream, {})
        last = self.until_over(stream)[stream][-1]
        self.assertEqual((last.type, last.meta["code"]), (frames.ERROR, "CANCELLED"))
        other = self.begin(first(1, 2))
        self.assertEqual(outputs_of(self.until_over(other)[other][0])[0][1], [1, 1])
