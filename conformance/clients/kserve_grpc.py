"""The gRPC client of the kserve package against every example model. Argument: host:port."""

import asyncio
import sys

from checks import report
from expected import Case, cases, chunks, same
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.utils.numpy_codec import from_np_dtype

loop = asyncio.new_event_loop()


async def connect() -> InferenceGRPCClient:
    return InferenceGRPCClient(sys.argv[1])


client = loop.run_until_complete(connect())


def wait(awaitable):
    return loop.run_until_complete(awaitable)


def predict(case: Case, raw: bool) -> str:
    for inputs, outputs in chunks(case, 40):
        tensors = []
        for name, array in inputs.items():
            tensor = InferInput(name, list(array.shape), from_np_dtype(array.dtype))
            tensor.set_data_from_numpy(array, binary_data=raw)
            tensors.append(tensor)
        answer = wait(client.infer(InferRequest(case.model, tensors, model_version=case.version, request_id="7")))
        if answer.id != "7" or answer.model_name != case.model:
            return f"id {answer.id}, model {answer.model_name}"
        for output in answer.outputs:
            if output.name in outputs:
                difference = same(output.as_numpy(), outputs[output.name])
                if difference:
                    return f"{output.name}: {difference}"
    return ""


report("live", lambda: "" if wait(client.is_server_live()) else "no")
report("ready", lambda: "" if wait(client.is_server_ready()) else "no")
report("a model is ready", lambda: "" if wait(client.is_model_ready("iris")) else "no")
for case in cases():
    for raw in (True, False):
        report(f"{case.model} {case.version}: {'raw' if raw else 'typed'} contents", lambda case=case, raw=raw: predict(case, raw))
wait(client.close())
