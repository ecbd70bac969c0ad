"""tritonclient over gRPC, sync and asyncio, against the example models. Argument: host:port."""

import asyncio
import queue
import sys

import grpc
import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as aio
import tritonclient.utils.shared_memory as shm
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from checks import report
from expected import Case, cases, chunks, same

client = triton.InferenceServerClient(sys.argv[1])
stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(sys.argv[1]))
ALL = {case.model + case.version: case for case in cases()}
flowers = ALL["iris-onnx1"]


def tensors(arrays: dict) -> list:
    made = []
    for name, array in arrays.items():
        tensor = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        made.append(tensor)
    return made


def compare(result, outputs: dict) -> str:
    return next(filter(None, (same(result.as_numpy(name), expected) for name, expected in outputs.items())), "")


def predict(case: Case, size: int, **options) -> str:
    for inputs, outputs in chunks(case, size):
        wanted = [triton.InferRequestedOutput(name) for name in outputs]
        difference = compare(client.infer(case.model, tensors(inputs), case.version, outputs=wanted, **options), outputs)
        if difference:
            return difference
    return ""


def refused(words: str, work, code: "grpc.StatusCode | None" = None) -> str:
    try:
        work()
    except InferenceServerException as error:
        if code is not None and error.status() != str(code):
            return f"{error.status()}: {error}"
        return "" if words in str(error) else str(error)
    except grpc.RpcError as error:
        return "" if words in error.details() and code in (None, error.code()) else f"{error.code()}: {error.details()}"
    return "nothing was refused"


def callbacks() -> str:
    answers: queue.Queue = queue.Queue()
    parts = list(chunks(flowers, 7))
    for inputs, _ in parts:
        client.async_infer(flowers.model, tensors(inputs), lambda result, error: answers.put((result, error)))
    for _ in parts:
        _, error = answers.get(timeout=30)
        if error is not None:
            return str(error)
    return ""


async def asynchronous() -> str:
    async with aio.InferenceServerClient(sys.argv[1]) as other:
        if not await other.is_model_ready(flowers.model):
            return "not ready"
        parts = list(chunks(flowers, 7))
        answers = await asyncio.gather(*(other.infer(flowers.model, tensors(inputs)) for inputs, _ in parts))
        return next(filter(None, (compare(answer, outputs) for answer, (_, outputs) in zip(answers, parts))), "")


async def asynchronous_stream() -> str:
    async def requests():
        for inputs, _ in chunks(flowers, 50):
            yield {"model_name": flowers.model, "inputs": tensors(inputs)}

    async with aio.InferenceServerClient(sys.argv[1]) as other:
        parts = list(chunks(flowers, 50))
        index = 0
        async for result, error in other.stream_infer(requests()):
            if error is not None:
                return str(error)
            difference = compare(result, parts[index][1])
            if difference:
                return difference
            index += 1
        return "" if index == len(parts) else f"{index} answers"


class Stream:
    """A stream whose answers come in a queue."""

    def __init__(self, headers=None):
        self.answers: queue.Queue = queue.Queue()
        self.client = triton.InferenceServerClient(sys.argv[1])
        self.client.start_stream(lambda result, error: self.answers.put((result, error)), headers=headers)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_stream()
        self.client.close()

    def next(self):
        return self.answers.get(timeout=30)


def stream_in_order() -> str:
    parts = list(chunks(flowers, 11))
    with Stream() as stream:
        for index, (inputs, _) in enumerate(parts):
            stream.client.async_stream_infer(flowers.model, tensors(inputs), request_id=str(index))
        for index, (_, outputs) in enumerate(parts):
            result, error = stream.next()
            if error is not None or result.get_response().id != str(index):
                return f"{index}: {error or result.get_response().id}"
            if not result.get_response().parameters["triton_final_response"].bool_param:
                return "not final"
            difference = compare(result, outputs)
            if difference:
                return difference
    return ""


def stream_goes_on_after_error() -> str:
    inputs, outputs = next(chunks(flowers, 2))
    with Stream() as stream:
        stream.client.async_stream_infer("nobody", tensors(inputs))
        stream.client.async_stream_infer(flowers.model, tensors(inputs))
        _, error = stream.next()
        if error is None or "Request for unknown model: 'nobody' is not found" not in str(error):
            return f"error {error}"
        result, error = stream.next()
        return str(error) if error is not None else compare(result, outputs)


def stream_with_status() -> str:
    inputs, _ = next(chunks(flowers, 2))
    with Stream(headers={"triton_grpc_error": "true"}) as stream:
        stream.client.async_stream_infer("nobody", tensors(inputs))
        _, error = stream.next()
        return "" if error is not None and error.status() == str(grpc.StatusCode.NOT_FOUND) else f"{error}"


def countdown() -> triton.InferInput:
    return tensors({"start": np.array([3], np.int64)})


def decoupled(empty: bool) -> str:
    finals = []
    with Stream() as stream:
        stream.client.async_stream_infer("countdown", countdown(), enable_empty_final_response=empty)
        for _ in range(4 if empty else 3):
            result, error = stream.next()
            if error is not None:
                return str(error)
            response = result.get_response()
            finals.append((len(response.outputs), response.parameters["triton_final_response"].bool_param))
    expected = [(1, False)] * 3 + ([(0, True)] if empty else [])
    return "" if finals == expected else str(finals)


def slow_countdown():
    request = service_pb2.ModelInferRequest(model_name="countdown", raw_input_contents=[np.array([100], np.int64).tobytes()])
    request.inputs.add(name="start", datatype="INT64", shape=[1])
    request.parameters["pause"].double_param = 0.1
    for _ in stub.ModelStreamInfer(iter([request]), timeout=0.5):
        pass


def typed(mirrored: bool) -> str:
    """Contents with their types, as clients of other languages send them."""
    rows = flowers.inputs["features"][:2]
    request = service_pb2.ModelInferRequest(model_name=flowers.model, id="typed")
    tensor = request.inputs.add(name="features", datatype="FP32", shape=[2, 4])
    if mirrored:
        tensor.contents.fp32_contents.extend(rows.reshape(-1).tolist())
    else:
        request.raw_input_contents.append(rows.tobytes())
    answer = stub.ModelInfer(request)
    by_name = {output.name: output for output in answer.outputs}
    if mirrored != (len(answer.raw_output_contents) == 0):
        return f"{len(answer.raw_output_contents)} raw contents"
    if not mirrored:
        return ""
    return same(np.array(by_name["label"].contents.int64_contents), flowers.outputs["label"][:2])


def both_contents():
    request = service_pb2.ModelInferRequest(model_name=flowers.model, raw_input_contents=[bytes(16)])
    request.inputs.add(name="features", datatype="FP32", shape=[1, 4]).contents.fp32_contents.extend([0, 0, 0, 0])
    stub.ModelInfer(request)


def metadata(case: Case) -> str:
    told = client.get_model_metadata(case.model, case.version)
    names = {output.name: output for output in told.outputs}
    for name, expected in case.outputs.items():
        if names[name].datatype != np_to_triton_dtype(expected.dtype) or list(names[name].shape) != [-1, *expected.shape[1:]]:
            return f"{name} is {names[name]}"
    return "" if case.version in told.versions else f"versions {told.versions}"


def config() -> str:
    told = client.get_model_config(flowers.model).config
    return "" if told.name == flowers.model and told.max_batch_size > 1 and told.input[0].dims == [4] else str(told)


def statistics() -> str:
    count = lambda: client.get_inference_statistics(flowers.model).model_stats[0].inference_count  # noqa: E731
    before = count()
    predict(flowers, 150)
    return "" if count() == before + 150 else f"{before} and then {count()}"


def model_control() -> str:
    client.unload_model("diabetes")
    if client.is_model_ready("diabetes"):
        return "ready after it was unloaded"
    client.load_model("diabetes")
    if not client.is_model_ready("diabetes"):
        return "not ready after it was loaded"
    states = {(row.name, row.version): row.state for row in client.get_model_repository_index().models}
    return "" if states[("diabetes", "1")] == "READY" else str(states)


def settings() -> str:
    client.update_log_settings({"log_verbose_level": 1})
    changed = client.get_log_settings(as_json=True)["settings"]["log_verbose_level"]
    client.update_log_settings({"log_verbose_level": 0})
    client.update_trace_settings(settings={"trace_rate": "7"})
    rate = client.get_trace_settings(as_json=True)["settings"]["trace_rate"]
    client.update_trace_settings(settings={"trace_rate": None})
    return "" if changed == {"uint32_param": 1} and rate == {"value": ["7"]} else f"{changed} {rate}"


def shared_memory() -> str:
    rows = flowers.inputs["features"][:5]
    expected = flowers.outputs["probabilities"][:5]
    name = "/nitrous_test_grpc"
    region = shm.create_shared_memory_region("grpc", name, rows.nbytes + expected.nbytes)
    try:
        client.unregister_system_shared_memory()
        client.unregister_cuda_shared_memory()
        shm.set_shared_memory_region(region, [rows])
        client.register_system_shared_memory("grpc", name, rows.nbytes + expected.nbytes)
        if list(client.get_system_shared_memory_status().regions) != ["grpc"]:
            return "not registered"
        tensor = triton.InferInput("features", list(rows.shape), "FP32")
        tensor.set_shared_memory("grpc", rows.nbytes)
        wanted = [triton.InferRequestedOutput("label"), triton.InferRequestedOutput("probabilities")]
        wanted[1].set_shared_memory("grpc", expected.nbytes, offset=rows.nbytes)
        result = client.infer(flowers.model, [tensor], outputs=wanted)
        written = shm.get_contents_as_numpy(region, np.float32, expected.shape, offset=rows.nbytes)
        return same(written, expected) or same(result.as_numpy("label"), flowers.outputs["label"][:5])
    finally:
        client.unregister_system_shared_memory()
        shm.destroy_shared_memory_region(region)


report("health", lambda: "" if client.is_server_live() and client.is_server_ready() and client.is_model_ready("iris", "2") else "not ready")
report("a model that is not there is not ready", lambda: refused("", lambda: client.is_model_ready("nobody"), grpc.StatusCode.NOT_FOUND))
report("server metadata", lambda: "" if "binary_tensor_data" in client.get_server_metadata().extensions else "no extensions")
for case in ALL.values():
    label = f"{case.model} {case.version}"
    report(f"{label}: metadata", lambda case=case: metadata(case))
    report(f"{label}: some rows at a time", lambda case=case: predict(case, 40))
    report(f"{label}: all rows at once", lambda case=case: predict(case, 1000))
for algorithm in ("gzip", "deflate"):
    report(f"compression with {algorithm}", lambda algorithm=algorithm: predict(flowers, 150, compression_algorithm=algorithm))
report("callbacks", callbacks)
report("asyncio", lambda: asyncio.run(asynchronous()))
report("asyncio: a stream", lambda: asyncio.run(asynchronous_stream()))
report("a stream answers in order", stream_in_order)
report("a stream goes on after an error", stream_goes_on_after_error)
report("a stream ends with a status when the client wants it", stream_with_status)
report("a model that streams", lambda: decoupled(False))
report("a model that streams, with an empty last answer", lambda: decoupled(True))
report("a model that streams needs a stream", lambda: refused("ModelStreamInfer", lambda: client.infer("countdown", countdown()), grpc.StatusCode.UNIMPLEMENTED))
report("typed contents are answered in typed contents", lambda: typed(True))
report("raw contents are answered in raw contents", lambda: typed(False))
report("contents in both forms", lambda: refused("contents field must not be specified when using raw_input_contents for 'features'", both_contents, grpc.StatusCode.INVALID_ARGUMENT))
report("a wrong shape", lambda: refused("features", lambda: client.infer(flowers.model, tensors({"features": np.zeros((1, 5), np.float32)})), grpc.StatusCode.INVALID_ARGUMENT))
report("an unknown model", lambda: refused("Request for unknown model: 'nobody' is not found", lambda: client.infer("nobody", tensors(flowers.inputs)), grpc.StatusCode.NOT_FOUND))
report("an unknown version", lambda: refused("version", lambda: client.infer("iris", tensors(flowers.inputs), "9"), grpc.StatusCode.NOT_FOUND))
report("a deadline", lambda: refused("", slow_countdown, grpc.StatusCode.DEADLINE_EXCEEDED))
report("classification", lambda: "" if client.infer(flowers.model, tensors({"features": flowers.inputs["features"][:1]}), outputs=[triton.InferRequestedOutput("probabilities", class_count=2)]).as_numpy("probabilities").shape == (1, 2) else "no classes")
report("model configuration", config)
report("statistics", statistics)
report("model control", model_control)
report("log and trace settings", settings)
report("shared memory", shared_memory)
report("CUDA shared memory", lambda: refused("CUDA", lambda: client.register_cuda_shared_memory("x", b"AAAA", 0, 8)))
client.close()
