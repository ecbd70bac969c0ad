"""tritonclient over HTTP against every example model. Argument: host:port."""

import sys
from itertools import product

import joblib
import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from checks import MODELS, report
from expected import Case, cases, chunks, same

client = http.InferenceServerClient(sys.argv[1], concurrency=8)


def tensors(arrays: dict, binary: bool) -> list:
    made = []
    for name, array in arrays.items():
        tensor = http.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array, binary_data=binary)
        made.append(tensor)
    return made


def predict(case: Case, size: int, binary_in: bool = True, binary_out: bool = True, **options) -> str:
    for inputs, outputs in chunks(case, size):
        wanted = [http.InferRequestedOutput(name, binary_data=binary_out) for name in outputs]
        result = client.infer(case.model, tensors(inputs, binary_in), model_version=case.version, outputs=wanted, **options)
        for name, expected in outputs.items():
            difference = same(result.as_numpy(name), expected)
            if difference:
                return f"{name}: {difference}"
    return ""


def without_outputs(case: Case) -> str:
    inputs, outputs = next(chunks(case, 3))
    result = client.infer(case.model, tensors(inputs, True), model_version=case.version, request_id="id-7")
    answer = result.get_response()
    if answer["id"] != "id-7" or answer["model_version"] != case.version:
        return f"id {answer['id']}, version {answer['model_version']}"
    name = next(iter(outputs))
    return same(result.as_numpy(name), outputs[name])


def asynchronous(case: Case) -> str:
    parts = list(chunks(case, 5))
    waiting = [client.async_infer(case.model, tensors(inputs, True), model_version=case.version) for inputs, _ in parts]
    name = next(iter(case.outputs))
    return next(filter(None, (same(answer.get_result().as_numpy(name), outputs[name]) for answer, (_, outputs) in zip(waiting, parts))), "")


def metadata(case: Case) -> str:
    told = client.get_model_metadata(case.model, case.version)
    names = {output["name"]: output for output in told["outputs"]}
    for name, expected in case.outputs.items():
        datatype = np_to_triton_dtype(expected.dtype)
        if names[name]["datatype"] != datatype or names[name]["shape"] != [-1, *expected.shape[1:]]:
            return f"{name} is {names[name]}"
    if len(told["inputs"]) != len(case.inputs):
        return f"{len(told['inputs'])} inputs"
    return "" if case.version in told["versions"] else f"versions {told['versions']}"


def converted(datatype: str, binary: bool) -> str:
    """The framework's own answer to whole numbers of this datatype."""
    numbers = np.round(iris.inputs["x"]).astype(datatype)
    return same(client.infer("iris", tensors({"x": numbers}, binary), "1").as_numpy("predict"), flowers.predict(numbers))


def mixed(forms: tuple) -> str:
    """Columns of one request, some in JSON and some binary, in another order than the model's."""
    inputs = [tensor for (name, array), binary in zip(wine.inputs.items(), forms) for tensor in tensors({name: array}, binary)]
    return same(client.infer("wine", inputs[::-1]).as_numpy("predict"), wine.outputs["predict"])


def outputs_in_order(names: list, binary: bool) -> str:
    wanted = [http.InferRequestedOutput(name, binary_data=binary) for name in names]
    result = client.infer("iris", tensors(iris.inputs, True), "1", outputs=wanted)
    given = [output["name"] for output in result.get_response()["outputs"]]
    return "" if given == names else f"outputs {given}"


def no_rows(case: Case) -> str:
    empty = {name: array[:0] for name, array in case.inputs.items()}
    for binary in (True, False):
        for output in client.infer(case.model, tensors(empty, binary)).get_response()["outputs"]:
            if output["shape"][0] != 0:
                return f"{output['name']} has shape {output['shape']}"
    return ""


def many_at_once() -> str:
    """Single rows of several models under way together: each must get its own answer, whatever batch it was in."""
    asked = []
    for row, case in product(range(100), [iris, *(case for case in every if case.model in ("breast-cancer", "diabetes", "iris-onnx"))]):
        one = {name: array[row : row + 1] for name, array in case.inputs.items()}
        asked.append((case, row, client.async_infer(case.model, tensors(one, row % 2 == 0), case.version)))
    for case, row, waiting in asked:
        name, expected = next(iter(case.outputs.items()))
        difference = same(waiting.get_result().as_numpy(name), expected[row : row + 1])
        if difference:
            return f"{case.model} row {row}: {difference}"
    return ""


def refused(words: str, status: int, call) -> str:
    try:
        call()
    except InferenceServerException as error:
        return "" if words in error.message() and str(error.status()) == str(status) else f"{error.status()}: {error.message()}"
    return "it was accepted"


def whole(flag: bool, text: str) -> str:
    return "" if flag else text


report("server is live", lambda: whole(client.is_server_live(), "not live"))
report("server is ready", lambda: whole(client.is_server_ready(), "not ready"))
report("server metadata names the binary extension", lambda: whole("binary_tensor_data" in client.get_server_metadata()["extensions"], "it does not"))

every = cases()
for case in every:
    label = f"{case.model}/{case.version}"
    report(f"{label} is ready", lambda: whole(client.is_model_ready(case.model, case.version), "not ready"))
    report(f"{label} metadata", lambda: metadata(case))
    report(f"{label} binary both ways", lambda: predict(case, 32))
    report(f"{label} JSON both ways", lambda: predict(case, 50, False, False))
    report(f"{label} binary in, JSON out", lambda: predict(case, 64, True, False))
    report(f"{label} JSON in, binary out", lambda: predict(case, 64, False, True))
    report(f"{label} one row at a time", lambda: predict(Case(case.model, case.version, *[{k: v[:5] for k, v in part.items()} for part in case[2:]]), 1))
    report(f"{label} without outputs, with an id", lambda: without_outputs(case))
    report(f"{label} asynchronously", lambda: asynchronous(case))
    for compression in ("gzip", "deflate"):
        options = {"request_compression_algorithm": compression, "response_compression_algorithm": compression}
        report(f"{label} with {compression}", lambda: predict(case, 200, True, True, **options))
        report(f"{label} JSON with {compression}", lambda: predict(case, 200, False, False, **options))

iris = every[0]
wine = next(case for case in every if case.model == "wine")
flowers = joblib.load(MODELS / "iris" / "1" / "model.joblib")
row = {"x": iris.inputs["x"][:1]}
for kind in ("bool", "float16", "float32", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))):
    report(f"{kind} is converted, binary", lambda: converted(kind, True))
    if kind != "float16":  # Has no form in JSON.
        report(f"{kind} is converted, JSON", lambda: converted(kind, False))
for forms in product((True, False), repeat=4):
    report(f"columns mixed, binary: {forms}", lambda: mixed(forms))
for binary in (True, False):
    report(f"outputs come in the order asked for, binary: {binary}", lambda: outputs_in_order(["decision_function", "predict", "predict_proba"], binary))
for case in every:
    if case.model not in ("iris", "wine"):  # Scikit-learn's own scaler refuses no rows.
        report(f"{case.model} answers no rows", lambda: no_rows(case))
report("many requests at once get their own answers", many_at_once)
report("an unknown model is not ready", lambda: whole(not client.is_model_ready("iriss"), "ready"))
report("an unknown version is not ready", lambda: whole(not client.is_model_ready("iris", "9"), "ready"))
report("an unknown model has no metadata", lambda: refused("Request for unknown model: 'iriss'", 404, lambda: client.get_model_metadata("iriss")))
report("numbers of another datatype are converted", lambda: same(client.infer("iris", tensors({"any": row["x"].astype(np.float32)}, True), "1").as_numpy("predict"), iris.outputs["predict"][:1]))
report("an unknown model is named", lambda: refused("Request for unknown model: 'iriss'", 404, lambda: client.infer("iriss", tensors(row, True))))
report("an unknown version is named", lambda: refused("version 9 is not found", 404, lambda: client.infer("iris", tensors(row, True), "9")))
report("a wrong shape is told", lambda: refused("Expected [-1,4], got [1,3]", 400, lambda: client.infer("iris", tensors({"x": row["x"][:, :3]}, True))))
report("a wrong datatype is told", lambda: refused("data-type is 'FP64', but model 'iris-onnx' expects 'FP32'", 400, lambda: client.infer("iris-onnx", tensors({"features": row["x"]}, True))))
report("a missing column is named", lambda: refused("missing required input(s)", 400, lambda: client.infer("wine", tensors({"strength": np.array(["light"], object)}, True))))
report("an unknown output is named", lambda: refused("unexpected inference output 'nope'", 400, lambda: client.infer("iris", tensors(row, True), outputs=[http.InferRequestedOutput("nope")])))
