"""tritonclient against a model repository of Triton's form (conformance/triton-repository.ts). Arguments: host:port of HTTP and of gRPC."""

import asyncio
import queue
import sys
import uuid

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as grpc_aio
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

from checks import report
from triton_checks import refused, same

HTTP, GRPC = sys.argv[1], sys.argv[2]
VALUES = [11, 7, 5, 3, 2, 0, 1]
CLIENTS = {"HTTP": (http, http.InferenceServerClient(HTTP)), "gRPC": (grpc, grpc.InferenceServerClient(GRPC))}


def tensor(module, name: str, array: np.ndarray, datatype: str = "INT32"):
    made = module.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array)
    return made


def pair(kind: str, model: str, rows: int, **options):
    module, client = CLIENTS[kind]
    left = np.arange(16 * rows, dtype=np.int32).reshape(rows, 16)
    right = np.ones((rows, 16), np.int32)
    return left, right, client.infer(model, [tensor(module, "A", left), tensor(module, "B", right)], **options)


def added(kind: str) -> str:
    left, right, result = pair(kind, "add_sub", 3)
    return same([result.as_numpy("SUM").tolist(), result.as_numpy("DIFFERENCE").tolist()], [(left + right).tolist(), (left - right).tolist()])


def doubled(kind: str) -> str:
    left, right, result = pair(kind, "twice", 2)
    return same([result.as_numpy("A2").tolist(), result.as_numpy("B2").tolist()], [(2 * left).tolist(), (2 * right).tolist()])


def classified(kind: str) -> str:
    module, client = CLIENTS[kind]
    scores = tensor(module, "SCORES", np.array([1, 3, 2], np.float32), "FP32")
    result = client.infer("labelled", [scores], outputs=[module.InferRequestedOutput("CLASSES", class_count=2)])
    return same([text.decode().split(":")[1:] for text in result.as_numpy("CLASSES").flatten()], [["1", "dog"], ["2", "horse"]])


def texts(kind: str) -> str:
    module, client = CLIENTS[kind]
    given = [b"she\x00said", b"\x00", b"", "søgt".encode()]
    result = client.infer("texts", [tensor(module, "IN", np.array([given], np.object_), "BYTES")])
    return same(result.as_numpy("OUT").tolist(), [given])


def sequence(kind: str, model: str, id: "int | str", values: list) -> list:
    module, client = CLIENTS[kind]
    answers = []
    for index, value in enumerate(values):
        given = [tensor(module, "IN", np.array([[value]], np.int32))]
        flags = {"sequence_id": id, "sequence_start": index == 0, "sequence_end": index == len(values) - 1}
        answers.append(int(client.infer(model, given, outputs=[module.InferRequestedOutput("OUT")], **flags).as_numpy("OUT")[0, 0]))
    return answers


def totals(values: list) -> list:
    return np.cumsum(values).tolist()


def in_text(kind: str) -> str:
    expected = totals(VALUES)
    expected[-1] += len("some text")
    return same(sequence(kind, "totals_of_texts", "some text", VALUES), expected)


def not_begun(kind: str) -> str:
    module, client = CLIENTS[kind]
    given = [tensor(module, "IN", np.array([[1]], np.int32))]
    words = "must specify the START flag on the first request of the sequence"
    return refused(words, lambda: client.infer("steps", given, sequence_id=5)) or refused("correlation ID", lambda: client.infer("steps", given))


def several_rows(kind: str) -> str:
    module, client = CLIENTS[kind]
    given = [tensor(module, "IN", np.array([[1], [2]], np.int32))]
    words = "must specify batch-size 1 due to requirements of sequence batcher"
    return refused(words, lambda: client.infer("steps", given, sequence_id=6, sequence_start=True, sequence_end=True))


def streamed() -> str:
    """Two sequences with integers as ids and two with texts, all at once in one stream."""
    answers: queue.Queue = queue.Queue()
    ids = [1001, 1002, str(uuid.uuid4()), "an id"]
    models = ["totals", "totals", "steps", "totals_of_texts"]
    with grpc.InferenceServerClient(GRPC) as client:
        client.start_stream(callback=lambda result, error: answers.put(error or result))
        for index, value in enumerate(VALUES):
            for id, model in zip(ids, models):
                flags = {"sequence_id": id, "sequence_start": index == 0, "sequence_end": index == len(VALUES) - 1}
                given = [tensor(grpc, "IN", np.array([[value]], np.int32))]
                client.async_stream_infer(model, given, request_id=f"{id}/{index}", outputs=[grpc.InferRequestedOutput("OUT")], **flags)
        got: dict = {str(id): [] for id in ids}
        for _ in range(len(ids) * len(VALUES)):
            answer = answers.get(timeout=30)
            if isinstance(answer, InferenceServerException):
                return answer.message()
            got[answer.get_response().id.split("/")[0]].append(int(answer.as_numpy("OUT")[0, 0]))
    last = totals(VALUES)
    last[-1] += len("an id")
    return same(list(got.values()), [totals(VALUES), totals(VALUES), [VALUES[0] + 1, *VALUES[1:]], last])


async def streamed_by_asyncio() -> list:
    async with grpc_aio.InferenceServerClient(GRPC) as client:

        async def requests():
            for index, value in enumerate(VALUES):
                yield {
                    "model_name": "totals",
                    "inputs": [tensor(grpc_aio, "IN", np.array([[value]], np.int32))],
                    "sequence_id": 2001,
                    "sequence_start": index == 0,
                    "sequence_end": index == len(VALUES) - 1,
                }

        found = []
        async for result, error in client.stream_infer(requests()):
            if error is not None:
                raise error
            found.append((int(result.as_numpy("OUT")[0, 0]), int(result.as_numpy("WHOSE")[0, 0])))
        return found


def echoed() -> str:
    answers: queue.Queue = queue.Queue()
    with grpc.InferenceServerClient(GRPC) as client:
        client.start_stream(callback=lambda result, error: answers.put(error or result))
        client.async_stream_infer("echoes", [tensor(grpc, "IN", np.array([4, 5, 6], np.int32))])
        return same([int(answers.get(timeout=30).as_numpy("OUT")[0]) for _ in range(3)], [4, 5, 6])


def described(kind: str) -> str:
    _, client = CLIENTS[kind]
    options = {} if kind == "HTTP" else {"as_json": True}
    metadata = client.get_model_metadata("steps", **options)
    configuration = client.get_model_config("steps", **options)
    configuration = configuration.get("config", configuration)
    controls = [each["name"] for each in configuration["sequence_batching"]["control_input"]]
    return same([[each["name"] for each in metadata["inputs"]], controls], [["IN"], ["START", "READY"]])


def listed(kind: str) -> str:
    index = CLIENTS[kind][1].get_model_repository_index()
    names = [row["name"] for row in index] if kind == "HTTP" else [row.name for row in index.models]
    return same(sorted(names), ["add_sub", "echoes", "labelled", "steps", "texts", "totals", "totals_of_texts", "twice"])


def controlled(kind: str) -> str:
    _, client = CLIENTS[kind]
    wrong = refused("failed to load", lambda: client.load_model("add_sub", config='"parameters": {"config": {{"max_batch_size": "16"}}}'))
    if wrong:
        return wrong
    client.load_model("add_sub", config='{"max_batch_size": "16"}')
    configuration = client.get_model_config("add_sub", **({} if kind == "HTTP" else {"as_json": True}))
    changed = configuration.get("config", configuration)["max_batch_size"]
    rows = pair(kind, "add_sub", 16)[2].as_numpy("SUM").shape[0]
    client.unload_model("add_sub")
    ready = client.is_model_ready("add_sub")
    long = refused("failed to poll from model repository", lambda: client.load_model("add_sub", config="{}", files={"file:" + "A" * 256: b"a"}))
    client.load_model("add_sub")
    return same([changed, rows, ready, client.is_model_ready("add_sub")], [16, 16, False, True]) or long


for kind in CLIENTS:
    report(f"{kind}: rows of a request are added", lambda: added(kind))
    report(f"{kind}: more rows than max_batch_size are refused", lambda: refused("<= 8", lambda: pair(kind, "add_sub", 9)))
    report(f"{kind}: an ensemble computes in two steps", lambda: doubled(kind))
    report(f"{kind}: classes of a reshaped output have their labels", lambda: classified(kind))
    report(f"{kind}: texts with zeros in them come back", lambda: texts(kind))
    report(f"{kind}: a sequence has its controls", lambda: same(sequence(kind, "steps", 7, VALUES), [VALUES[0] + 1, *VALUES[1:]]))
    report(f"{kind}: a sequence has its state", lambda: same(sequence(kind, "totals", 7, VALUES), totals(VALUES)))
    report(f"{kind}: a sequence's id may be text", lambda: in_text(kind))
    report(f"{kind}: a sequence begins with its start", lambda: not_begun(kind))
    report(f"{kind}: a request of a sequence has one row", lambda: several_rows(kind))
    report(f"{kind}: clients do not see controls", lambda: described(kind))
    report(f"{kind}: the index has all models", lambda: listed(kind))
    report(f"{kind}: models are loaded with another configuration, and unloaded", lambda: controlled(kind))
report("a stream carries several sequences", streamed)
report("asyncio streams a sequence", lambda: same(asyncio.run(streamed_by_asyncio()), [(total, 2001) for total in totals(VALUES)]))
report("a decoupled model answers several times", echoed)
