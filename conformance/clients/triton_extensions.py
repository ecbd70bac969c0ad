"""tritonclient's calls for Triton's extensions, and those that it has no calls for. Argument: host:port."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import tritonclient.http as http

from checks import MODELS, report
from triton_checks import refused, same

HOST = sys.argv[1]
client = http.InferenceServerClient(HOST)
features = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], np.float32)


def tensor(array: np.ndarray = features) -> http.InferInput:
    made = http.InferInput("features", list(array.shape), "FP32")
    made.set_data_from_numpy(array)
    return made


def post(path: str, body: bytes, headers: dict | None = None) -> tuple[int, bytes, dict]:
    request = urllib.request.Request(f"http://{HOST}{path}", data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def states() -> dict:
    return {(row["name"], row["version"]): row["state"] for row in client.get_model_repository_index()}


def unloaded() -> str:
    client.unload_model("iris-onnx")
    if client.is_model_ready("iris-onnx"):
        return "ready"
    state = states()["iris-onnx", "1"]
    refusal = refused("is not ready", lambda: client.infer("iris-onnx", [tensor()]))
    client.load_model("iris-onnx")
    return same(state, "UNAVAILABLE") or refusal or ("" if client.is_model_ready("iris-onnx") else "not ready after its load")


def reconfigured() -> str:
    client.load_model("iris-onnx", config=json.dumps({"max_batch_size": "16", "response_cache": {"enable": True}}))
    told = client.get_model_config("iris-onnx")
    hits = statistics()["cache_hit"]["count"]
    for _ in range(3):
        client.infer("iris-onnx", [tensor()])
    hit = statistics()["cache_hit"]["count"] - hits
    client.load_model("iris-onnx")
    return same([told["max_batch_size"], hit, client.get_model_config("iris-onnx")["max_batch_size"]], [16, 2, 256])


def given() -> str:
    graph = (MODELS / "iris-onnx" / "model.onnx") if (MODELS / "iris-onnx" / "model.onnx").exists() else next((MODELS / "iris-onnx").rglob("*.onnx"))
    client.load_model("given", config="{}", files={"file:7/model.onnx": Path(graph).read_bytes()})
    answer = client.infer("given", [tensor()]).get_response()
    client.unload_model("given")
    gone = refused("Request for unknown model: 'given'", lambda: client.infer("given", [tensor()]))
    return same([answer["model_version"], ("given", "7") in states()], ["7", False]) or gone


def statistics() -> dict:
    (row,) = client.get_inference_statistics("iris-onnx")["model_stats"]
    return row["inference_stats"]


def counted() -> str:
    (before,) = client.get_inference_statistics("iris-onnx", "1")["model_stats"]
    client.infer("iris-onnx", [tensor()])
    (after,) = client.get_inference_statistics("iris-onnx", "1")["model_stats"]
    grown = after["inference_stats"]["compute_infer"]["ns"] > before["inference_stats"]["compute_infer"]["ns"]
    counts = [after[name] - before[name] for name in ("inference_count", "execution_count")]
    batch = next(each for each in after["batch_stats"] if each["batch_size"] == 2)
    return same([counts, grown, batch["compute_infer"]["count"] > 0], [[2, 1], True, True])


def classified() -> str:
    wanted = http.InferRequestedOutput("probabilities", class_count=2)
    top = client.infer("iris-onnx", [tensor()], outputs=[wanted]).as_numpy("probabilities")
    whole = client.infer("iris-onnx", [tensor()]).as_numpy("probabilities")
    best = [[f"{row[index]:.6f}:{index}" for index in np.argsort(-row, kind="stable")[:2]] for row in whole]
    return same(np.char.decode(top.astype("S")).tolist(), best)


def logging() -> str:
    told = client.update_log_settings({"log_verbose_level": 1, "log_format": "ISO8601"})
    again = client.get_log_settings()
    client.update_log_settings({"log_verbose_level": 0, "log_format": "default"})
    return same([told["log_verbose_level"], again["log_format"]], [1, "ISO8601"])


def tracing() -> str:
    own = client.update_trace_settings("iris-onnx", {"trace_rate": "7"})
    cleared = client.update_trace_settings("iris-onnx", {"trace_rate": None})
    return same([own["trace_rate"], cleared, client.get_trace_settings()["trace_level"]], ["7", client.get_trace_settings(), ["OFF"]])


def raw() -> str:
    row = features[:1]
    status, body, headers = post("/v2/models/iris-onnx/infer", row.tobytes(), {"Inference-Header-Content-Length": "0"})
    if status != 200:
        return body.decode()
    length = int(headers["Inference-Header-Content-Length"])
    names = [output["parameters"]["binary_data_size"] for output in json.loads(body[:length])["outputs"]]
    return same(sum(names), len(body) - length)


def generated() -> str:
    status, body, _ = post("/v2/models/iris-onnx/generate", json.dumps({"features": features[0].tolist(), "id": "9"}).encode())
    answer = json.loads(body)
    return same([status, answer.get("model_name"), answer.get("id"), len(answer.get("probabilities", []))], [200, "iris-onnx", "9", 3])


def generated_as_events() -> str:
    status, body, headers = post("/v2/models/iris-onnx/generate_stream", json.dumps({"features": features[0].tolist()}).encode())
    kind = headers["Content-Type"]
    event = json.loads(body.removeprefix(b"data: "))
    return same([status, kind, body.endswith(b"\n\n"), event["model_version"]], [200, "text/event-stream; charset=utf-8", True, "1"])


def reserved() -> str:
    inputs = [{"name": "features", "datatype": "FP32", "shape": [1, 4], "data": features[0].tolist()}]
    status, body, _ = post("/v2/models/iris-onnx/infer", json.dumps({"inputs": inputs, "parameters": {"triton_x": 1}}).encode())
    return same([status, b"reserved for Triton usage" in body], [400, True])


def broken_base64() -> str:
    parameters = {"config": "{}", "file:1/model.onnx": "not base64!"}
    status, body, _ = post("/v2/repository/models/given/load", json.dumps({"parameters": parameters}).encode())
    return same([status, b"Unable to decode base64" in body], [400, True])


every = client.get_server_metadata()["extensions"]
report("the metadata names the extensions", lambda: same({"model_repository", "statistics", "classification", "trace", "logging"} - set(every), set()))
report("the index has every version", lambda: same([states()["iris-onnx", "1"], len(client.get_model_repository_index()) >= 8], ["READY", True]))
report("an unloaded model answers when it is loaded again", unloaded)
report("a load may say how a model batches and that answers are kept", reconfigured)
report("a load may bring the model", given)
report("a wrong configuration is refused", lambda: refused("failed to load", lambda: client.load_model("iris-onnx", config='"parameters": {}')))
report("an unknown model is not loaded", lambda: refused("failed to load 'wrong', failed to poll from model repository", lambda: client.load_model("wrong")))
report("files need a configuration", lambda: refused("Load parameter 'config' must be specified", lambda: client.load_model("iris-onnx", files={"file:1/model.onnx": b""})))
report("what is not base64 is refused", broken_base64)
report("the configuration has the datatypes and dimensions", lambda: same([(each["data_type"], each["dims"]) for each in client.get_model_config("iris-onnx")["input"]], [("TYPE_FP32", [4])]))
report("statistics count rows and calls", counted)
report("statistics of all models have those that answer", lambda: same({"iris-onnx", "wine"} - {row["name"] for row in client.get_inference_statistics()["model_stats"]}, set()))
report("classification has the best of each row", classified)
report("log settings are changed", logging)
report("log files cannot be named", lambda: refused("log file location can not be updated", lambda: client.update_log_settings({"log_file": "/tmp/x"})))
report("trace settings are changed for one model", tracing)
report("trace files cannot be named", lambda: refused("trace file location can not be updated", lambda: client.update_trace_settings(settings={"trace_file": "/tmp/x"})))
report("a raw request is one row", raw)
report("generate takes tensors by their names", generated)
report("generate_stream answers with events", generated_as_events)
report("names that Triton keeps for itself are refused", reserved)
