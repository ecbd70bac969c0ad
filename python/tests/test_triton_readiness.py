"""Models for Triton's Python backend that say by themselves whether they are ready."""

from __future__ import annotations

from typing import Any

from nitrous_host import frames
from triton_support import DOUBLE, TritonTest, one

ANSWERS = """
    def execute(self, requests):
        return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", r.inputs()[0].as_numpy())]) for r in requests]
"""


class IsReady(TritonTest):
    def check(self) -> Any:
        """What the model says, or the message of the error."""
        stream = self.open(frames.CHECK, {"model": self.handle})
        frame = self.receive()
        self.assertEqual(frame.stream, stream)
        return frame.meta["json"] if frame.type == frames.RESULT else frame.meta["message"]

    def test_is_told_of_models_that_have_it(self) -> None:
        self.served(DOUBLE)
        self.assertNotIn("checksReadiness", self.description)
        self.served("class TritonPythonModel:\n    def is_ready(self):\n        return True\n" + ANSWERS)
        self.assertTrue(self.description["checksReadiness"])

    def test_says_yes_or_no_each_time_it_is_asked(self) -> None:
        code = "class TritonPythonModel:\n    asked = 0\n    {} is_ready(self):\n        self.asked += 1\n        return self.asked > 1\n" + ANSWERS
        for kind in ("def", "async def"):
            self.served(code.format(kind))
            self.assertEqual([self.check(), self.check()], [False, True])
            self.assertEqual(self.answers(one(3)), [{"OUT": [[3]]}])

    def test_fails_when_it_raises_or_says_neither(self) -> None:
        for body, message in (("raise RuntimeError('no database')", "no database"), ("return 1", "must return a boolean")):
            self.served(f"class TritonPythonModel:\n    def is_ready(self):\n        {body}\n" + ANSWERS)
            self.assertIn(message, self.check())

    def test_is_asked_while_execute_runs(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def initialize(self, args):
                    self.asked = threading.Event()

                def is_ready(self):
                    self.asked.set()
                    return False

                def execute(self, requests):
                    self.asked.wait()
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", r.inputs()[0].as_numpy())]) for r in requests]
            """
        )
        call = self.ask(one(5))
        check = self.open(frames.CHECK, {"model": self.handle})
        # Which of the two is the first to be answered is left to chance.
        answers = {frame.stream: frame for frame in (self.receive(), self.receive())}
        self.assertEqual(answers[check].meta["json"], False)
        self.assertEqual(self.result(answers[call]), [{"OUT": [[5]]}])

    def test_that_hangs_keeps_no_request_waiting(self) -> None:
        self.served("class TritonPythonModel:\n    def is_ready(self):\n        threading.Event().wait()\n" + ANSWERS)
        self.open(frames.CHECK, {"model": self.handle})
        self.assertEqual(self.answers(one(1), one(2)), [{"OUT": [[1]]}, {"OUT": [[2]]}])
