"""System shared memory of tritonclient over HTTP, as its simple_http_shm_client.py and qa/L0_shared_memory use it. Argument: host:port."""

import sys

import numpy as np
import tritonclient.http as http
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException

from checks import report

client = http.InferenceServerClient(sys.argv[1])
ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.9, 3.1, 5.4, 2.1]])
(INPUT,) = client.get_model_metadata("iris")["inputs"]
OUTPUT = next(output for output in client.get_model_metadata("iris")["outputs"] if output["name"] == "predict")
ARRAY = ROWS.astype({"FP64": np.float64, "FP32": np.float32}[INPUT["datatype"]])


def plain() -> np.ndarray:
    tensor = http.InferInput(INPUT["name"], list(ARRAY.shape), INPUT["datatype"])
    tensor.set_data_from_numpy(ARRAY)
    return client.infer("iris", [tensor], outputs=[http.InferRequestedOutput(OUTPUT["name"])]).as_numpy(OUTPUT["name"])


EXPECTED = plain()


class Regions:
    """An input and an output region, registered and filled; gone at the end, whatever happens."""

    def __init__(self, offset: int = 0):
        self.offset = offset

    def __enter__(self):
        self.input = shm.create_shared_memory_region("input", "/nitrous_test_input", ARRAY.nbytes + self.offset)
        self.output = shm.create_shared_memory_region("output", "/nitrous_test_output", EXPECTED.nbytes + self.offset)
        shm.set_shared_memory_region(self.input, [ARRAY], offset=self.offset)
        client.register_system_shared_memory("input", "/nitrous_test_input", ARRAY.nbytes + self.offset)
        client.register_system_shared_memory("output", "/nitrous_test_output", EXPECTED.nbytes + self.offset)
        return self

    def __exit__(self, *_):
        client.unregister_system_shared_memory()
        shm.destroy_shared_memory_region(self.input)
        shm.destroy_shared_memory_region(self.output)

    def infer(self, size: int = EXPECTED.nbytes, offset: "int | None" = None):
        tensor = http.InferInput(INPUT["name"], list(ARRAY.shape), INPUT["datatype"])
        tensor.set_shared_memory("input", ARRAY.nbytes, offset=self.offset)
        wanted = http.InferRequestedOutput(OUTPUT["name"])
        wanted.set_shared_memory("output", size, offset=self.offset if offset is None else offset)
        return client.infer("iris", [tensor], outputs=[wanted])


def refused(words: str, work) -> str:
    try:
        work()
    except InferenceServerException as error:
        return "" if words in str(error) else str(error)
    return "nothing was refused"


def both_ways(offset: int) -> str:
    with Regions(offset) as regions:
        answer = regions.infer()
        written = shm.get_contents_as_numpy(regions.output, EXPECTED.dtype, EXPECTED.shape, offset=offset)
        said = answer.get_output(OUTPUT["name"])
        if "data" in said or "parameters" in said:
            return str(said)
        return "" if np.array_equal(written, EXPECTED) else f"{written} {EXPECTED}"


def status() -> str:
    with Regions(8):
        regions = {region["name"]: region for region in client.get_system_shared_memory_status()}
        wanted = {"name": "input", "key": "/nitrous_test_input", "offset": 0, "byte_size": ARRAY.nbytes + 8}
        one = client.get_system_shared_memory_status("input")
        if regions.keys() != {"input", "output"} or regions["input"] != wanted or one != [wanted]:
            return str(regions)
        client.unregister_system_shared_memory("input")
        left = [region["name"] for region in client.get_system_shared_memory_status()]
        return "" if left == ["output"] else str(left)


def twice() -> str:
    with Regions() as regions:
        key = "/nitrous_test_input"
        return refused("shared memory region 'input' already in manager", lambda: client.register_system_shared_memory("input", key, 8))


def outside() -> str:
    with Regions() as regions:
        return (
            refused("Invalid offset + byte size for shared memory region", lambda: regions.infer(offset=1))
            or refused("Invalid offset for shared memory region", lambda: regions.infer(offset=EXPECTED.nbytes))
            or refused("Integer overflow detected: byte_size ", lambda: regions.infer(size=2**64 - 8, offset=8))
        )


def too_small() -> str:
    with Regions() as regions:
        words = f"shared memory size specified with the request for output '{OUTPUT['name']}' (1 bytes) should be at least"
        return refused(words, lambda: regions.infer(size=1))


def unknown() -> str:
    with Regions() as regions:
        client.unregister_system_shared_memory("output")
        return refused("Unable to find shared memory region: 'output'", regions.infer)


def cuda() -> str:
    if client.get_cuda_shared_memory_status() != []:
        return "there are regions"
    return refused("GPUs not supported", lambda: client.register_cuda_shared_memory("gpu", b"AAAA", 0, 64))


report("reads inputs from a region and writes outputs to another", lambda: both_ways(0))
report("does so behind an offset", lambda: both_ways(4096))
report("lists and forgets regions", status)
report("refuses a name twice", twice)
report("refuses what is outside of a region", outside)
report("refuses outputs that are larger than their place", too_small)
report("refuses regions that are not registered", unknown)
report("refuses keys that lead elsewhere", lambda: refused("invalid shm key", lambda: client.register_system_shared_memory("x", "///", 8)))
report("has no CUDA device", cuda)
