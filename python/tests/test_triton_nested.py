"""Models of Triton's Python backend that ask other models."""

from __future__ import annotations

from typing import Any

import numpy

from nitrous_host import frames
from nitrous_host.requests import write_outputs
from triton_support import TritonTest, one, outputs_of


class Nested(TritonTest):
    def reply(self, call: frames.Frame, kind: int, **outputs: Any) -> None:
        meta, blobs = write_outputs([(name, numpy.asarray(array), None) for name, array in outputs.items()])
        self.connection.send(kind, call.stream, meta, blobs)

    CALLER = """
        class TritonPythonModel:
            def execute(self, requests):
                array = requests[0].inputs()[0]
                asked = pb_utils.InferenceRequest(model_name="other", model_version=2, inputs=[array], requested_output_names=["Y"],
                    request_id="mine", timeout=5000, correlation_id=3, flags=pb_utils.TRITONSERVER_REQUEST_FLAG_SEQUENCE_START)
                response = asked.exec()
                if response.has_error():
                    return [pb_utils.InferenceResponse(error=response.error())] * len(requests)
                return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", response.output_tensors()[0].as_numpy())]) for _ in requests]
        """

    def test_names_may_be_bytes_of_a_tensor(self) -> None:
        self.served(self.CALLER.replace('"other"', 'np.array(["other"], dtype=object).astype(bytes)[0]').replace('"Y"', 'b"Y"').replace('"mine"', 'b"mine"'))
        self.ask(one(1))
        call = self.receive()
        self.assertEqual([call.meta[key] for key in ("model", "outputs", "id")], ["other", ["Y"], "mine"])
        self.reply(call, frames.RESULT, Y=[7])
        self.assertEqual(self.result(self.receive()), [{"OUT": [7]}])

    def test_another_model_is_asked_while_frames_go_on_coming(self) -> None:
        self.served(self.CALLER)
        stream = self.ask(one(1), one(2))
        call = self.receive()
        self.assertEqual(call.type, frames.CALL)
        expected = {"parent": stream, "model": "other", "version": "2", "outputs": ["Y"], "id": "mine", "timeoutMs": 5.0, "blocking": True}
        expected["parameters"] = {"sequence_id": 3, "sequence_start": True, "sequence_end": False}
        self.assertEqual({key: value for key, value in call.meta.items() if key != "tensors"}, expected)
        self.assertEqual(outputs_of(call), [("IN", [[1]])])
        # Another call waits, and a ping is answered.
        second = self.ask(one(5))
        ping = self.open(frames.PING, {})
        self.assertEqual((self.receive().type, ping), (frames.PONG, ping))
        self.reply(call, frames.RESULT, Y=[7])
        self.assertEqual(self.result(self.receive()), [{"OUT": [7]}] * 2)
        again = self.receive()
        self.assertEqual(again.meta["parent"], second)
        self.connection.send(frames.ERROR, again.stream, {"code": "NOT_FOUND", "message": "no such model"})
        error = self.result(self.receive())[0]
        self.assertEqual((error["code"], error["message"]), ("NOT_FOUND", "no such model"))

    def test_many_are_asked_at_once_by_a_coroutine(self) -> None:
        self.served(
            """
            import asyncio
            class TritonPythonModel:
                async def execute(self, requests):
                    asked = [pb_utils.InferenceRequest(model_name=str(n), inputs=requests[0].inputs(), requested_output_names=[]) for n in range(20)]
                    responses = await asyncio.gather(*[each.async_exec() for each in asked])
                    total = sum(response.output_tensors()[0].as_numpy() for response in responses)
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", total)])]
            """
        )
        stream = self.ask(one(1))
        calls = [self.receive() for _ in range(20)]
        self.assertEqual({call.meta["parent"] for call in calls}, {stream})
        self.assertFalse(any("blocking" in call.meta for call in calls))
        for call in reversed(calls):
            self.reply(call, frames.RESULT, Y=[int(call.meta["model"])])
        self.assertEqual(self.result(self.receive()), [{"OUT": [190]}])
        self.ask(one(1))
        for call in [self.receive() for _ in range(20)]:
            self.reply(call, frames.RESULT, Y=[1])
        self.assertEqual(self.result(self.receive()), [{"OUT": [20]}])

    def test_any_number_of_responses_is_iterated(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    asked = pb_utils.InferenceRequest(model_name="many", inputs=requests[0].inputs(), requested_output_names=[])
                    total, errors = 0, []
                    responses = asked.exec(decoupled=True)
                    for response in responses:
                        if response.has_error():
                            errors.append(response.error().message())
                        else:
                            total += int(response.output_tensors()[0].as_numpy()[0])
                        if total > 100:
                            responses.cancel()
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array([str(total), *errors], dtype=object))])]
            """
        )
        self.ask(one(1))
        call = self.receive()
        self.assertEqual(call.meta["credit"], 16)
        for number in (1, 2):
            self.reply(call, frames.CHUNK, Y=[number])
            self.assertEqual(self.receive().meta, {"chunks": 1})
        self.connection.send(frames.END, call.stream, {"computeMs": 0})
        self.assertEqual(self.result(self.receive()), [{"OUT": [b"3"]}])
        self.ask(one(1))
        call = self.receive()
        self.reply(call, frames.CHUNK, Y=[101])
        self.assertEqual(self.receive().type, frames.CANCEL)
        self.assertEqual(self.receive().type, frames.CREDIT)
        self.connection.send(frames.ERROR, call.stream, {"code": "CANCELLED", "message": "over"})
        self.assertEqual(self.result(self.receive()), [{"OUT": [b"101", b"over"]}])

    def test_models_are_loaded_and_unloaded(self) -> None:
        self.served(
            """
            class TritonPythonModel:
                def execute(self, requests):
                    told = [pb_utils.is_model_ready("other", "1")]
                    pb_utils.load_model("other", config="{}", files={"file:1/model.py": b"code"})
                    try:
                        pb_utils.unload_model("other")
                    except pb_utils.TritonModelException as error:
                        told.append(str(error))
                    return [pb_utils.InferenceResponse([pb_utils.Tensor("OUT", np.array(told, dtype=object))])]
            """
        )
        self.ask(one(1))
        ready = self.receive()
        self.assertEqual((ready.meta["action"], ready.meta["model"], ready.meta["version"]), ("ready", "other", "1"))
        self.connection.send(frames.RESULT, ready.stream, {"json": False, "computeMs": 0})
        load = self.receive()
        self.assertEqual((load.meta["action"], load.meta["configuration"], load.meta["tensors"][0]["name"]), ("load", "{}", "1/model.py"))
        self.connection.send(frames.RESULT, load.stream, {"json": True, "computeMs": 0})
        unload = self.receive()
        self.connection.send(frames.ERROR, unload.stream, {"code": "NOT_FOUND", "message": "it is gone"})
        self.assertEqual(self.result(self.receive()), [{"OUT": [b"False", b"it is gone"]}])
