"""The REST client of the kserve package against every example model, over V1 and V2. Argument: host:port."""

import asyncio
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.utils.numpy_codec import from_np_dtype

from expected import Case, cases, chunks, report, same

URL = f"http://{sys.argv[1]}"
loop = asyncio.new_event_loop()
v1 = InferenceRESTClient(RESTConfig(protocol="v1", timeout=60))
v2 = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60))


def wait(awaitable):
    return loop.run_until_complete(awaitable)


def rows(inputs: dict) -> list:
    """V1 instances: lists for a matrix, objects for a frame, strings for text."""
    if len(inputs) == 1:
        return next(iter(inputs.values())).tolist()
    return [dict(zip(inputs, row)) for row in zip(*(array.tolist() for array in inputs.values()))]


def predict_v1(case: Case) -> str:
    for inputs, outputs in chunks(case, 40):
        answer = wait(v1.infer(URL, {"instances": rows(inputs)}, model_name=case.model))
        predictions = answer["predictions"]
        if isinstance(predictions[0], dict):
            differences = (same(np.array([row[name] for row in predictions], expected.dtype), expected) for name, expected in outputs.items())
        else:
            expected = outputs["predict"]
            differences = (same(np.array(predictions, expected.dtype), expected),)
        difference = next(filter(None, differences), "")
        if difference:
            return difference
    return ""


def predict_v2(case: Case, binary: bool) -> str:
    for inputs, outputs in chunks(case, 40):
        tensors = []
        for name, array in inputs.items():
            tensor = InferInput(name, list(array.shape), from_np_dtype(array.dtype))
            tensor.set_data_from_numpy(array, binary_data=binary)
            tensors.append(tensor)
        answer = wait(v2.infer(URL, InferRequest(model_name=case.model, infer_inputs=tensors), model_name=case.model))
        given = {output.name: output for output in answer.outputs}
        for name in given:
            difference = same(given[name].as_numpy(), outputs[name])
            if difference:
                return f"{name}: {difference}"
        if not set(given) & set(outputs):
            return f"outputs {list(given)}"
    return ""


def whole(flag: bool, text: str) -> str:
    return "" if flag else text


def fails(words: str, awaitable) -> str:
    try:
        wait(awaitable)
    except Exception as error:  # noqa: BLE001 - the client's own error carries the server's words
        text = f"{error} {getattr(getattr(error, 'response', None), 'text', '')}"
        return "" if words in text else text
    return "it was accepted"


report("server is live over V1", lambda: whole(wait(v1.is_server_live(URL)), "not live"))
report("server is live over V2", lambda: whole(wait(v2.is_server_live(URL)), "not live"))
report("server is ready over V2", lambda: whole(wait(v2.is_server_ready(URL)), "not ready"))

for case in cases():
    if case.model == "iris" and case.version == "1":
        continue  # This client names no versions; it gets the latest.
    report(f"{case.model} is ready over V1", lambda: whole(wait(v1.is_model_ready(URL, case.model)), "not ready"))
    report(f"{case.model} is ready over V2", lambda: whole(wait(v2.is_model_ready(URL, case.model)), "not ready"))
    report(f"{case.model} predicts over V1", lambda: predict_v1(case))
    report(f"{case.model} predicts over V2, JSON", lambda: predict_v2(case, False))
    report(f"{case.model} predicts over V2, binary", lambda: predict_v2(case, True))

report("an unknown model is named over V1", lambda: fails("Model with name iriss does not exist", v1.infer(URL, {"instances": [[1]]}, model_name="iriss")))
report("what is wrong with an instance is told", lambda: fails("instance 0 has 1 values", v1.infer(URL, {"instances": [[1]]}, model_name="iris")))
