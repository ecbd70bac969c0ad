"""The control client of the kserve package (KServeClient) against the control API. Argument: host:port."""

import asyncio
import contextlib
import io
import sys
import time

from checks import MODELS, report
from kserve import InferenceRESTClient, KServeClient, RESTConfig, V1beta1InferenceService, V1beta1InferenceServiceSpec
from kserve import V1beta1ModelFormat, V1beta1ModelSpec, V1beta1PredictorSpec, V1beta1SKLearnSpec, constants
from kubernetes.client import V1ObjectMeta, V1ResourceRequirements

SERVER = f"http://{sys.argv[1]}"
NAMESPACE = "kserve-sdk"
NAME = "sklearn-iris"
# The two versions of the example disagree about this flower.
FLOWER = [[6.3, 2.8, 5.1, 1.5]]
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "nitrous", "cluster": {"server": SERVER}}],
    "users": [{"name": "nobody", "user": {}}],
    "contexts": [{"name": "nitrous", "context": {"cluster": "nitrous", "user": "nobody"}}],
    "current-context": "nitrous",
}

client = KServeClient(config_dict=KUBECONFIG, persist_config=False)
loop = asyncio.new_event_loop()


def service(name: str, predictor: V1beta1PredictorSpec) -> V1beta1InferenceService:
    return V1beta1InferenceService(
        api_version=constants.KSERVE_V1BETA1,
        kind=constants.KSERVE_KIND_INFERENCESERVICE,
        metadata=V1ObjectMeta(name=name, namespace=NAMESPACE),
        spec=V1beta1InferenceServiceSpec(predictor=predictor),
    )


def model(uri: str, model_format: str = "sklearn") -> V1beta1PredictorSpec:
    resources = V1ResourceRequirements(requests={"cpu": "50m", "memory": "128Mi"}, limits={"cpu": "100m", "memory": "512Mi"})
    format_name = V1beta1ModelFormat(name=model_format)
    return V1beta1PredictorSpec(min_replicas=1, model=V1beta1ModelSpec(model_format=format_name, storage_uri=uri, resources=resources))


def iris(version: int) -> str:
    return (MODELS / "iris" / str(version)).as_uri()


def differs(found: object, expected: object) -> str:
    return "" if found == expected else f"{found!r}, expected {expected!r}"


def answer(name: str) -> list:
    url = client.get(name, namespace=NAMESPACE)["status"]["url"]
    rest = InferenceRESTClient(RESTConfig(protocol="v1", timeout=60))
    return loop.run_until_complete(rest.infer(url, {"instances": FLOWER}, model_name=name))["predictions"]


def wait(name: str, generation: int) -> None:
    client.wait_isvc_ready(name, namespace=NAMESPACE, timeout_seconds=120, polling_interval=1, expected_generation=generation)
    # Ready is true as long as a model answers, also the one before; this is what tells that the newest one does.
    for _ in range(600):
        if client.get(name, namespace=NAMESPACE)["status"]["modelStatus"]["transitionStatus"] == "UpToDate":
            return
        time.sleep(0.1)
    raise TimeoutError(f"generation {generation} of {name} does not serve")


def create() -> str:
    made = client.create(service(NAME, model(iris(1))))
    return differs((made["metadata"]["namespace"], made["metadata"]["generation"]), (NAMESPACE, 1))


def create_again() -> str:
    try:
        client.create(service(NAME, model(iris(1))))
    except RuntimeError as error:
        return "" if "(409)" in str(error) and "AlreadyExists" in str(error) else str(error)
    return "it was created twice"


def becomes_ready() -> str:
    wait(NAME, 1)
    return differs((client.is_isvc_ready(NAME, namespace=NAMESPACE), answer(NAME)), (True, [2]))


def patch() -> str:
    changed = client.patch(NAME, service(NAME, model(iris(2))))
    wait(NAME, 2)
    return differs((changed["metadata"]["generation"], answer(NAME)), (2, [1]))


def replace() -> str:
    changed = client.replace(NAME, service(NAME, model(iris(1))))
    wait(NAME, 3)
    return differs((changed["metadata"]["generation"], answer(NAME)), (3, [2]))


def watch_until_ready() -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        client.replace(NAME, service(NAME, model(iris(2))), watch=True, timeout_seconds=60)
    text = printed.getvalue()
    return "" if "True" in text and f"/serving/{NAMESPACE}/{NAME}" in text else text


def legacy_key() -> str:
    client.create(service("old-form", V1beta1PredictorSpec(sklearn=V1beta1SKLearnSpec(storage_uri=iris(1)))))
    wait("old-form", 1)
    return differs(answer("old-form"), [2])


def broken_is_not_ready() -> str:
    client.create(service("broken", model("file:///there/is/nothing")))
    time.sleep(1)
    ready = client.is_isvc_ready("broken", namespace=NAMESPACE)
    state = client.get("broken", namespace=NAMESPACE)["status"]["modelStatus"]
    return differs((ready, state["transitionStatus"], state["lastFailureInfo"]["reason"]), (False, "BlockedByFailedLoad", "ModelLoadFailed"))


def invalid_is_refused() -> str:
    try:
        client.create(service("invalid", V1beta1PredictorSpec(min_replicas=-1)))
    except RuntimeError as error:
        return "" if "(422)" in str(error) and "Invalid" in str(error) else str(error)
    return "it was created"


def lists() -> str:
    items = client.get(namespace=NAMESPACE)["items"]
    return differs(sorted(item["metadata"]["name"] for item in items), ["broken", "old-form", NAME])


def delete() -> str:
    for name in (NAME, "old-form", "broken"):
        client.delete(name, namespace=NAMESPACE)
    try:
        client.get(NAME, namespace=NAMESPACE)
    except RuntimeError as error:
        return "" if "(404)" in str(error) and "NotFound" in str(error) else str(error)
    return "it is still there"


for check in (create, create_again, becomes_ready, patch, replace, watch_until_ready, legacy_key, broken_is_not_ready, invalid_is_refused):
    report(check.__name__.replace("_", " "), check)
report("lists", lists)
report("delete", delete)
