"""Models for Triton's Python backend: what they are given, what they answer, and what becomes of failures."""

from __future__ import annotations

import numpy

from nitrous_host import frames
from triton_support import DOUBLE, TritonTest, one, tensor


class Execute(TritonTest):
    def test_requests_of_a_call_come_together_and_are_answered_apart(self) -> None:
        signature = self.served(DOUBLE, output=[tensor("OUT", "TYPE_INT32", [-1]), tensor("CALLS", "TYPE_INT64", [1])])
        self.assertEqual(signature["inputs"], [{"name": "IN", "datatype": "INT32", "shape": [-1, -1]}])
        self.assertEqual((signature["together"], signature["batchable"], signature["streaming"], signature["maxRows"]), (True, True, False, 8))
        first, second = self.answers(one(1, 2), one(3, outputs=["OUT"]))
        self.assertEqual(first, {"OUT": [[2, 4]], "CALLS": [1]})
        self.assertEqual(second, {"OUT": [[6]]})

    def test_what_a_request_says_of_itself(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    told = [[r.request_id(), r.correlation_id(), r.flags(), r.timeout(), json.loads(r.parameters()), r.requested_output_names()] for r in requests]
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([json.dumps(each)], dtype=object))]) for each in told]
            """,
            max_batch_size=0,
        )
        self.assertFalse(self.description["methods"]["predict"]["batchable"])
        answers = self.answers(
            one(1),
            one(1, id="a", timeoutMs=5, parameters={"x": 1, "sequence_id": 7, "sequence_start": True}, outputs=["OUT"]),
            one(1, sequence={"id": "s", "start": False, "end": True}),
        )
        self.assertEqual(
            [eval(answer["OUT"][0].decode()) for answer in answers],
            [["", 0, 0, 0, {}, ["OUT"]], ["a", 7, 1, 5000, {"x": 1}, ["OUT"]], ["", "s", 2, 0, {}, ["OUT"]]],
        )

    def test_texts_are_bytes_and_answers_text_of_any_kind(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    array = requests[0].inputs()[0].as_numpy()
                    assert all(type(each) is bytes for each in array.reshape(-1)), array
                    made = {"OUT": array, "TEXT": np.array(["ä", "b"], dtype=object), "NUMBERS": np.array([1, 2.5], dtype=object), "FIXED": np.array([b"x"])}
                    return [pb_utils.InferenceResponse([pb_utils.Tensor(name, each) for name, each in made.items()])]
            """,
            input=[tensor("IN", "TYPE_STRING", [2])],
            output=[tensor(name, "TYPE_STRING", [-1]) for name in ("OUT", "TEXT", "NUMBERS", "FIXED")],
        )
        elements = numpy.array([[b"a", b"\xff\x00"]], dtype=object)
        (answer,) = self.answers({"inputs": {"IN": elements}})
        self.assertEqual(answer, {"OUT": [[b"a", b"\xff\x00"]], "TEXT": ["ä".encode(), b"b"], "NUMBERS": [b"1", b"2.5"], "FIXED": [b"x"]})

    def test_an_error_of_one_request_is_its_own(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    good = pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([1], np.int32))])
                    codes = [pb_utils.TritonError.INVALID_ARG, pb_utils.TritonError.CANCELLED, pb_utils.TritonError.UNSUPPORTED]
                    return [good, pb_utils.InferenceResponse(error=pb_utils.TritonError("plain"))] + [
                        pb_utils.InferenceResponse(error=pb_utils.TritonError("told", code)) for code in codes
                    ]
            """
        )
        good, *errors = self.answers(*[one(1)] * 5)
        self.assertEqual(good, {"OUT": [1]})
        self.assertEqual(
            [(each["code"], each["message"]) for each in errors],
            [("INTERNAL", "plain"), ("INVALID_ARGUMENT", "told"), ("CANCELLED", "told"), ("UNIMPLEMENTED", "told")],
        )

    def test_an_output_that_is_no_tensor_is_the_error_of_its_request_alone(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    made = [np.array([1], np.int32), np.array([1j])]
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", made[0]), pb_utils.Tensor("NEXT", each)]) for each in [*made, made[0]]]
            """,
            output=[tensor("OUT", "TYPE_INT32", [-1]), tensor("NEXT", "TYPE_INT32", [-1])],
        )
        first, second, third = self.answers(*[one(1)] * 3)
        self.assertEqual([first, third], [{"OUT": [1], "NEXT": [1]}] * 2)
        self.assertIn("output 'NEXT' has the numpy type complex128", second["message"])

    def test_what_execute_must_not_do_fails_all(self) -> None:
        for body, expected in (
            ("raise ValueError('no')", "message: ValueError: no"),
            ("raise pb_utils.TritonModelException('as it is')", "message: as it is"),
            ("return 3", "Expected a list in the execute return, found type '<class 'int'>'."),
            ("return []", "InferenceRequest(s) size is:2, and InferenceResponse(s) size is:0"),
            ("return [1, 2]", "Expected an 'InferenceResponse' object in the execute function return list, found type '<class 'int'>'."),
            ("return [None, None]", "neither returned nor sent a response"),
            ("return None", "neither returned nor sent a response"),
        ):
            with self.subTest(body):
                self.served(f"class TritonPythonModel:\n    def execute(self, requests):\n        {body}")
                errors = self.answers(one(1), one(2))
                self.assertEqual([each["code"] for each in errors], ["INTERNAL"] * 2)
                self.assertIn(expected, errors[1]["message"])
                if "neither" not in expected:
                    self.assertIn("Failed to process the request(s) for model instance 'test_0_0', message: ", errors[0]["message"])

    def test_a_coroutine_is_waited_for(self) -> None:
        self.served(
            """
            import asyncio
            class TritonPythonModel:
                async def execute(self, requests):
                    await asyncio.sleep(0)
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", request.inputs()[0].as_numpy())]) for request in requests]
            """
        )
        self.assertEqual(self.answers(one(1), one(2)), [{"OUT": [[1]]}, {"OUT": [[2]]}])

    def test_a_response_may_be_sent_later_by_a_thread(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    senders = [request.get_response_sender() for request in requests]
                    def send():
                        for number, sender in enumerate(senders):
                            response = pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([number], np.int32))])
                            sender.send(response, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
                            try:
                                sender.send(response)
                            except pb_utils.TritonModelException as error:
                                assert "cannot send more than one response" in str(error), error
                    threading.Thread(target=send).start()
                    return None
            """
        )
        self.assertEqual(self.answers(one(1), one(2)), [{"OUT": [0]}, {"OUT": [1]}])

    def test_only_iterative_sequences_are_put_off(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    requests[0].set_release_flags(pb_utils.TRITONSERVER_REQUEST_RELEASE_RESCHEDULE)
                    return [None] + [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([1], np.int32))]) for _ in requests[1:]]
            """
        )
        refused, other = self.answers(one(1), one(2))
        self.assertEqual(refused["code"], "INVALID_ARGUMENT")
        self.assertRegex(refused["message"], "while the model is not configured to handle such a flag")
        self.assertEqual(other, {"OUT": [1]})

    def test_each_request_can_be_cancelled(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    while not requests[1].is_cancelled():
                        pass
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([each.is_cancelled()]))]) for each in requests]
            """
        )
        stream = self.ask(one(1), one(2))
        self.connection.send(frames.CANCEL, stream, {"request": 1})
        self.assertEqual(self.result(self.receive()), [{"OUT": [False]}, {"OUT": [True]}])


class Loading(TritonTest):
    def test_initialize_is_told_what_it_is(self) -> None:
        self.served(
            """
            from .beside import VALUE
            class TritonPythonModel:
                def initialize(self, args):
                    self.args = args
                def execute(self, requests):
                    config = json.loads(self.args["model_config"])
                    told = [self.args["model_name"], self.args["model_instance_name"], self.args["model_instance_kind"], VALUE]
                    told += [pb_utils.get_output_config_by_name(config, "OUT")["data_type"], pb_utils.using_decoupled_model_transaction_policy(config)]
                    assert pb_utils.get_model_dir().startswith(self.args["model_repository"])
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([json.dumps(told)], dtype=object))])]
            """.replace("from .beside import VALUE", "VALUE = 1"),
        )
        (answer,) = self.answers(one(1))
        self.assertEqual(answer["OUT"][0].decode(), '["test", "test_0_0", "CPU", 1, "TYPE_INT32", false]')

    def test_a_model_completes_its_configuration(self) -> None:
        code = """
            class TritonPythonModel:
                @staticmethod
                def auto_complete_config(config):
                    config.add_input({"name": "IN", "data_type": "TYPE_FP32", "dims": [4], "optional": True})
                    config.add_output({"name": "OUT", "data_type": "TYPE_STRING", "dims": [-1]})
                    config.set_max_batch_size(4)
                    config.set_dynamic_batching()
                    config.set_model_transaction_policy({"decoupled": True})
                    return config
                def execute(self, requests): pass
            """
        signature = self.served(code, input=[], output=[], max_batch_size=0)
        self.assertEqual(signature["inputs"], [{"name": "IN", "datatype": "FP32", "shape": [-1, 4], "optional": True}])
        self.assertEqual(signature["outputs"], [{"name": "OUT", "datatype": "BYTES", "shape": [-1, -1]}])
        self.assertTrue(signature["streaming"])
        self.assertEqual(self.description["configuration"]["dynamic_batching"], {})
        frame = self.triton(code, input=[tensor("IN", "TYPE_INT8", [4])])
        self.assertIn("configuration expects datatype TYPE_INT8 for input 'IN', model provides TYPE_FP32", frame.meta["message"])

    def test_what_keeps_a_model_from_loading_is_said(self) -> None:
        for code, expected in (
            ("class Other: pass", "has no class TritonPythonModel"),
            ("class TritonPythonModel: pass", "does not implement `execute` method"),
            ("import not_there", "needs package 'not_there'"),
            ("class TritonPythonModel:\n    def execute(self, r): pass\n    def initialize(self, args): raise ValueError('no weights')", "initialize failed: ValueError: no weights"),
            ("class TritonPythonModel:\n    def execute(self, r): pass\n    def auto_complete_config(c): return None", "auto_complete_config function in model 'test' must return a valid pb.ModelConfig object."),
        ):
            with self.subTest(expected):
                frame = self.triton(code)
                self.assertEqual(frame.type, frames.ERROR)
                self.assertIn(expected, frame.meta["message"])

    def test_finalize_is_called_when_the_model_goes(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests): pass
                def finalize(self): pb_utils.Logger.log_warn("gone")
            """
        )
        self.connection.send(frames.UNLOAD, self.handle, {})
        log = self.receive()
        self.assertEqual((log.type, log.meta), (frames.LOG, {"level": "warning", "message": "gone"}))
        self.assertEqual(self.receive().type, frames.END)
