"""The REST client of the kserve package against every example model, over V1 and V2. Argument: host:port."""

import asyncio
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from kserve.utils.numpy_codec import from_np_dtype

from checks import report
from expected import Case, cases, chunks, same

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


def requested(names: list, binary_in: bool, binary_out: bool) -> str:
    tensor = InferInput("x", list(flowers.shape), "FP64")
    tensor.set_data_from_numpy(flowers, binary_data=binary_in)
    outputs = [RequestedOutput(name, parameters={"binary_data": binary_out}) for name in names]
    request = InferRequest(model_name="iris", infer_inputs=[tensor], request_outputs=outputs, request_id="id-7")
    answer = wait(v2.infer(URL, request, model_name="iris"))
    if answer.id != "id-7" or [output.name for output in answer.outputs] != names:
        return f"id {answer.id}, outputs {[output.name for output in answer.outputs]}"
    return next(filter(None, (same(output.as_numpy(), iris.outputs[output.name]) for output in answer.outputs)), "")


def predictions(model: str, body: dict) -> list:
    return wait(v1.infer(URL, body, model_name=model))["predictions"]


def at_once() -> str:
    """Every flower in a request of its own, all under way together."""

    async def ask() -> list:
        return await asyncio.gather(*(v1.infer(URL, {"instances": [row]}, model_name="iris") for row in flowers.tolist()))

    return same(np.array([answer["predictions"][0] for answer in wait(ask())]), iris.outputs["predict"])


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

every = cases()
for case in every:
    if case.model == "iris" and case.version == "1":
        continue  # This client names no versions; it gets the latest.
    report(f"{case.model} is ready over V1", lambda: whole(wait(v1.is_model_ready(URL, case.model)), "not ready"))
    report(f"{case.model} is ready over V2", lambda: whole(wait(v2.is_model_ready(URL, case.model)), "not ready"))
    report(f"{case.model} predicts over V1", lambda: predict_v1(case))
    report(f"{case.model} predicts over V2, JSON", lambda: predict_v2(case, False))
    report(f"{case.model} predicts over V2, binary", lambda: predict_v2(case, True))

iris = next(case for case in every if case.model == "iris" and case.version == "2")
wine = next(case for case in every if case.model == "wine")
flowers = iris.inputs["x"]
for names in (["predict"], ["predict_proba", "predict"]):
    for forms in ((True, True), (True, False), (False, True), (False, False)):
        report(f"outputs {names}, binary in and out: {forms}", lambda: requested(names, *forms))
report("V1 takes the key inputs", lambda: same(np.array(predictions("iris", {"inputs": flowers.tolist()})), iris.outputs["predict"]))
columns = {name: array.tolist() for name, array in wine.inputs.items()}
report("V1 takes columns", lambda: same(np.array(predictions("wine", {"inputs": columns}), object), wine.outputs["predict"]))
report("many requests at once get their own answers", at_once)
report("an unknown model is not ready over V2", lambda: whole(not wait(v2.is_model_ready(URL, "iriss")), "ready"))
report("an unknown model is not ready over V1", lambda: fails("404", v1.is_model_ready(URL, "iriss")))
report("an unknown model is named over V1", lambda: fails("Model with name iriss does not exist", v1.infer(URL, {"instances": [[1]]}, model_name="iriss")))
report("what is wrong with an instance is told", lambda: fails("instance 0 has 1 values", v1.infer(URL, {"instances": [[1]]}, model_name="iris")))
