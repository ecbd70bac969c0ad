"""What models of Triton's Python backend give pb_utils: arguments, parameters of responses, metrics."""

from __future__ import annotations

from typing import Any

from nitrous_host import frames
from triton_support import TritonTest, one, tensor


class Arguments(TritonTest):
    def test_of_another_type_are_refused_at_once(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    asked = {"inputs": [], "requested_output_names": [], "model_name": "other"}
                    wrong = [
                        *[lambda more=more: pb_utils.InferenceRequest(**asked | more) for more in (
                            {"model_name": None}, {"requested_output_names": [None]}, {"request_id": None}, {"model_version": None},
                            {"flags": None}, {"correlation_id": None})],
                        lambda: pb_utils.Tensor(None, np.zeros(1)),
                        lambda: pb_utils.Tensor("", None),
                        lambda: pb_utils.Logger.log("text", None),
                        lambda: pb_utils.Logger.log("text", 1),
                        lambda: pb_utils.Logger.log_info(None),
                    ]
                    refused = 0
                    for attempt in wrong:
                        try:
                            attempt()
                        except TypeError:
                            refused += 1
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([len(wrong) - refused], np.int32))])]
            """
        )
        self.assertEqual(self.answers(one(1)), [{"OUT": [0]}])


class Parameters(TritonTest):
    def test_of_a_response_go_to_the_client(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    tensor = pb_utils.Tensor("OUT", np.array([1], np.int32))
                    said = {"text": "a", "count": 2, "done": True}
                    return [pb_utils.InferenceResponse([tensor], parameters=said), pb_utils.InferenceResponse([tensor])]
            """
        )
        self.ask(one(1), one(2))
        frame = self.receive()
        self.assertEqual(frame.meta["answers"], [{"tensors": 1, "parameters": {"text": "a", "count": 2, "done": True}}, {"tensors": 1}])

    def test_are_texts_whole_numbers_and_booleans(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    said = []
                    for wrong in ([], {1: "a"}, {"a": 0.5}, {"a": None}):
                        try:
                            pb_utils.InferenceResponse(parameters=wrong)
                        except pb_utils.TritonModelException as error:
                            said.append(str(error))
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array(said, dtype=object))])]
            """,
            output=[tensor("OUT", "TYPE_STRING", [-1])],
        )
        (answer,) = self.answers(one(1))
        expected = [
            b"Expect parameters to have type dict, got <class 'list'>",
            b"Expect parameters keys to have type str, found type <class 'int'>",
            b"Expect parameters values to have type bool/int/str, found type <class 'float'>",
            b"Expect parameters values to have type bool/int/str, found type <class 'NoneType'>",
        ]
        self.assertEqual(answer["OUT"], expected)


class Metrics(TritonTest):
    def counted(self, stream: int) -> tuple[list[dict[str, Any]], Any]:
        """What the model has counted until it answers."""
        told = []
        while (frame := self.receive()).type == frames.STATS:
            self.assertEqual(frame.stream, 0)
            told.append(frame.meta)
        self.assertEqual(frame.stream, stream)
        return told, self.result(frame)

    def test_are_told_to_the_server_before_the_answer(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    family = pb_utils.MetricFamily(name="told_total", description="Told.", kind=pb_utils.MetricFamily.COUNTER)
                    first, second = (family.Metric(labels={"b": "2", "a": "1"}) for _ in range(2))
                    first.increment(2)
                    sizes = pb_utils.MetricFamily(name="told_size", description="", kind=pb_utils.MetricFamily.HISTOGRAM)
                    sizes.Metric(buckets=[1, 2.5]).observe(2)
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([first.value(), second.value()], np.int32))])]
            """
        )
        told, (answer,) = self.counted(self.ask(one(1)))
        counter = {"name": "told_total", "help": "Told.", "kind": "counter", "labels": {"a": "1", "b": "2"}}
        histogram = {"name": "told_size", "help": "", "kind": "histogram", "labels": {}, "buckets": [1.0, 2.5]}
        self.assertEqual(
            told,
            [
                {**counter, "action": "declare", "value": 0.0},
                {**counter, "action": "declare", "value": 0.0},
                {**counter, "action": "increment", "value": 2.0},
                {**histogram, "action": "declare", "value": 0.0},
                {**histogram, "action": "observe", "value": 2.0},
            ],
        )
        self.assertEqual(answer, {"OUT": [2, 2]})

    def test_what_makes_no_sense_is_refused(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def refusal(self, attempt):
                    try:
                        attempt()
                    except pb_utils.TritonModelException as error:
                        return str(error)

                def execute(self, requests):
                    family = pb_utils.MetricFamily("refused", "", pb_utils.MetricFamily.GAUGE)
                    metric = family.Metric()
                    said = [
                        self.refusal(lambda: pb_utils.MetricFamily("refused", "", pb_utils.MetricFamily.COUNTER)),
                        self.refusal(lambda: pb_utils.MetricFamily("a b", "", pb_utils.MetricFamily.COUNTER)),
                        self.refusal(lambda: metric.observe(1)),
                    ]
                    del family
                    said.append(self.refusal(lambda: metric.set(1)))
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array(said, dtype=object))])]
            """,
            output=[tensor("OUT", "TYPE_STRING", [-1])],
        )
        _, (answer,) = self.counted(self.ask(one(1)))
        self.assertEqual(
            answer["OUT"],
            [
                b"the metric family 'refused' is a gauge already, not a counter",
                b"'a b' is no name of a metric: expected letters, digits, '_' and ':', and no digit first",
                b"a gauge cannot be observed",
                b"Invalid metric operation as the corresponding 'MetricFamily' has been deleted.",
            ],
        )
