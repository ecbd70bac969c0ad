"""tritonclient's model control against a repository of its own. Arguments: host:port, and the repository's folder."""

import json
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

from checks import report
from triton_checks import refused, same

HOST, REPOSITORY = sys.argv[1], Path(sys.argv[2])
client = http.InferenceServerClient(HOST, concurrency=4)


def infer(model: str, version: str = "") -> list:
    given = http.InferInput("x", [1, 2], "FP32")
    given.set_data_from_numpy(np.array([[1, -2]], np.float32))
    return client.infer(model, [given], model_version=version).as_numpy("y").tolist()


def index() -> list:
    return [[row["name"], row.get("version"), row["state"]] for row in client.get_model_repository_index()]


def configure(model: str, text: str) -> None:
    (REPOSITORY / model / "config.pbtxt").write_text(text)


def started() -> str:
    return same(
        index(),
        [["broken", None, "UNAVAILABLE"], ["idle", None, "UNAVAILABLE"], ["negate", "1", "READY"], ["pipeline", None, "UNAVAILABLE"], ["relu", None, "UNAVAILABLE"]],
    )


def loaded() -> str:
    unready = client.is_model_ready("relu")
    client.load_model("relu")
    return same([unready, client.is_model_ready("relu"), infer("relu")], [False, True, [[1.0, 0.0]]])


def ensemble() -> str:
    client.unload_model("relu")
    client.load_model("pipeline")
    answers = [infer("pipeline"), client.is_model_ready("relu")]
    client.unload_model("pipeline", unload_dependents=True)
    return same([answers, client.is_model_ready("relu"), client.is_model_ready("negate")], [[[[0.0, 2.0]], True], False, True])


def versions() -> str:
    shutil.copytree(REPOSITORY / "negate" / "1", REPOSITORY / "negate" / "2")
    before = client.get_model_metadata("negate")["versions"]
    client.load_model("negate")
    latest = client.get_model_metadata("negate")["versions"]
    client.load_model("negate", config=json.dumps({"backend": "onnxruntime", "max_batch_size": 4, "version_policy": {"all": {}}}))
    both = client.get_model_metadata("negate")["versions"]
    client.load_model("negate")
    return same([before, latest, both, client.get_model_metadata("negate")["versions"]], [["1"], ["2"], ["1", "2"], ["2"]])


def overridden() -> str:
    client.load_model("relu")
    told = [client.get_model_config("relu")["max_batch_size"]]
    client.load_model("relu", config='{"max_batch_size":"16"}')
    told.append(client.get_model_config("relu")["max_batch_size"])
    wrong = refused("failed to load", lambda: client.load_model("relu", config='"max_batch_size": 16'))
    client.load_model("relu")
    told.append(client.get_model_config("relu")["max_batch_size"])
    return same(told, [4, 16, 4]) or wrong


def kept() -> str:
    text = (REPOSITORY / "relu" / "config.pbtxt").read_text()
    configure("relu", "max_batch_size: four")
    refusal = refused("failed to load 'relu', config.pbtxt:1", lambda: client.load_model("relu"))
    answer = infer("relu")
    configure("relu", text)
    return refusal or same(answer, [[1.0, 0.0]])


def instances() -> str:
    """A reload of what has only another number of instances would make the model's statistics begin again."""
    counts = []
    text = (REPOSITORY / "relu" / "config.pbtxt").read_text()
    infer("relu")
    configure("relu", text + "instance_group { count: 2 }\n")
    client.load_model("relu")
    counts.append(client.get_model_config("relu")["instance_group"][0]["count"])
    configure("relu", text)
    client.load_model("relu")
    counts.append(client.get_model_config("relu")["instance_group"][0]["count"])
    return same(counts, [2, 1])


def without_loss() -> str:
    """Requests while the model is loaded again and again."""
    failures: list = []
    stop = threading.Event()

    def ask() -> None:
        own = http.InferenceServerClient(HOST)
        given = http.InferInput("x", [1, 2], "FP32")
        given.set_data_from_numpy(np.array([[1, -2]], np.float32))
        while not stop.is_set():
            try:
                own.infer("relu", [given])
            except InferenceServerException as error:
                failures.append(error.message())

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for size in (8, 16):
        client.load_model("relu", config=json.dumps({"max_batch_size": size}))
    client.load_model("relu")
    stop.set()
    for thread in threads:
        thread.join()
    return same(failures, [])


def late() -> str:
    shutil.copytree(REPOSITORY / "relu", REPOSITORY / "late")
    client.load_model("late")
    answer = infer("late")
    client.unload_model("late")
    return same([answer, ["late", "1", "UNAVAILABLE"] in index()], [[[1.0, 0.0]], True])


report("model control: only what --load-model names is loaded, and the index has the others", started)
report("model control: a model that is loaded answers", loaded)
report("model control: an ensemble brings its steps, and takes those with it that nobody else needs", ensemble)
report("model control: new versions are served after a load, as the version policy says", versions)
report("model control: a configuration in a load holds until the next one", overridden)
report("model control: a failed reload keeps the model", kept)
report("model control: instances change without a reload", instances)
report("model control: no request is lost while a model is loaded again", without_loss)
report("model control: models whose folders came later are loaded", late)
report("model control: a broken configuration is named", lambda: refused("failed to load 'broken', config.pbtxt:1:1", lambda: client.load_model("broken")))
report("model control: an ensemble without its model names it", lambda: refused("depends on 'nowhere'", lambda: client.load_model("idle")))
report("model control: a model that nobody knows", lambda: refused("failed to load 'never'", lambda: client.load_model("never")))
