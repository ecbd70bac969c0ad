"""CustomObjectsApi of the kubernetes package against the control API. Argument: host:port."""

import json
import sys
import threading
import time

from checks import MODELS, report
from kubernetes import client, watch
from kubernetes.client.rest import ApiException

GROUP, VERSION, NAMESPACE, PLURAL = "serving.kserve.io", "v1beta1", "kubernetes-client", "inferenceservices"
PLACE = (GROUP, VERSION, NAMESPACE, PLURAL)
URI = (MODELS / "iris" / "2").as_uri()

configuration = client.Configuration()
configuration.host = f"http://{sys.argv[1]}"
api_client = client.ApiClient(configuration)
api = client.CustomObjectsApi(api_client)


def service(name: str, labels: dict, **fields: object) -> dict:
    # Without replicas nothing is loaded: this is about the resources.
    predictor = {"minReplicas": 0, "model": {"modelFormat": {"name": "sklearn"}, "storageUri": URI}, **fields}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "InferenceService", "metadata": metadata, "spec": {"predictor": predictor}}


def differs(found: object, expected: object) -> str:
    return "" if found == expected else f"{found!r}, expected {expected!r}"


def refusal(call, *arguments: object) -> tuple:
    """HTTP status and Kubernetes' reason of a call that must fail, with its Status object."""
    try:
        call(*arguments)
    except ApiException as error:
        status = json.loads(error.body)
        return (error.status, status["reason"], status)
    return (200, "", {})


def get(name: str) -> dict:
    return api.get_namespaced_custom_object(*PLACE, name)


def create() -> str:
    made = api.create_namespaced_custom_object(*PLACE, service("one", {"team": "a"}))
    api.create_namespaced_custom_object(*PLACE, service("two", {"team": "b"}))
    metadata = made["metadata"]
    missing = [key for key in ("uid", "resourceVersion", "creationTimestamp") if not metadata.get(key)]
    return f"without {missing}" if missing else differs(metadata["generation"], 1)


def dry_run() -> str:
    api.create_namespaced_custom_object(*PLACE, service("never", {}), dry_run="All")
    return differs(refusal(get, "never")[:2], (404, "NotFound"))


def lists() -> str:
    listed = api.list_namespaced_custom_object(*PLACE)
    found = (listed["kind"], sorted(item["metadata"]["name"] for item in listed["items"]))
    return differs(found, ("InferenceServiceList", ["one", "two"])) or differs(bool(listed["metadata"]["resourceVersion"]), True)


def lists_of_all_namespaces() -> str:
    listed = api.list_cluster_custom_object(GROUP, VERSION, PLURAL)
    places = {item["metadata"]["namespace"] for item in listed["items"]}
    return "" if NAMESPACE in places else repr(places)


def lists_by_label() -> str:
    listed = api.list_namespaced_custom_object(*PLACE, label_selector="team=b")
    return differs([item["metadata"]["name"] for item in listed["items"]], ["two"])


def conflict_of_names() -> str:
    return differs(refusal(api.create_namespaced_custom_object, *PLACE, service("one", {}))[:2], (409, "AlreadyExists"))


def conflict_of_versions() -> str:
    old = get("one")
    api.patch_namespaced_custom_object(*PLACE, "one", {"metadata": {"labels": {"team": "c"}}})
    return differs(refusal(api.replace_namespaced_custom_object, *PLACE, "one", old)[:2], (409, "Conflict"))


def replace_with_the_latest() -> str:
    # As every controller does it: a status that has changed meanwhile is a conflict, and the next try wins.
    for tries_left in reversed(range(10)):
        latest = get("one")
        latest["spec"]["predictor"]["timeout"] = 30
        try:
            replaced = api.replace_namespaced_custom_object(*PLACE, "one", latest)
            break
        except ApiException as error:
            if error.status != 409 or tries_left == 0:
                raise
    return differs((replaced["metadata"]["generation"], replaced["metadata"]["labels"]), (2, {"team": "c"}))


def patch_removes_with_null() -> str:
    patched = api.patch_namespaced_custom_object(*PLACE, "one", {"spec": {"predictor": {"timeout": None}}})
    return differs("timeout" in patched["spec"]["predictor"], False)


def invalid_names_its_fields() -> str:
    status, reason, body = refusal(api.create_namespaced_custom_object, *PLACE, service("bad", {}, minReplicas=-1, timeout="soon"))
    fields = sorted(cause["field"] for cause in body.get("details", {}).get("causes", []))
    return differs((status, reason, fields), (422, "Invalid", ["spec.predictor.minReplicas", "spec.predictor.timeout"]))


def not_found() -> str:
    status, reason, body = refusal(get, "nothing")
    return differs((status, reason, body["details"]["name"]), (404, "NotFound", "nothing"))


def watches() -> str:
    since = api.list_namespaced_custom_object(*PLACE)["metadata"]["resourceVersion"]

    def change() -> None:
        time.sleep(0.5)
        api.create_namespaced_custom_object(*PLACE, service("seen", {}))
        api.patch_namespaced_custom_object(*PLACE, "seen", {"metadata": {"labels": {"team": "seen"}}})
        api.delete_namespaced_custom_object(*PLACE, "seen")

    changes = threading.Thread(target=change)
    changes.start()
    stream = watch.Watch()
    kinds = []
    for event in stream.stream(api.list_namespaced_custom_object, *PLACE, resource_version=since, timeout_seconds=20):
        if event["object"]["metadata"]["name"] != "seen":
            continue
        kinds.append(event["type"])
        if event["type"] == "DELETED":
            stream.stop()
    changes.join()
    return differs((kinds[0], "MODIFIED" in kinds, kinds[-1]), ("ADDED", True, "DELETED"))


def runtimes() -> str:
    listed = api.list_cluster_custom_object(GROUP, "v1alpha1", "clusterservingruntimes")
    return "" if "kserve-sklearnserver" in [item["metadata"]["name"] for item in listed["items"]] else "no kserve-sklearnserver"


def reports_its_version() -> str:
    return "" if client.VersionApi(api_client).get_code().git_version.startswith("v1.") else "no version of Kubernetes"


def events() -> str:
    found = client.CoreV1Api(api_client).list_namespaced_event(NAMESPACE).items
    return "" if any(event.involved_object.name == "one" for event in found) else f"{len(found)} events, and none about one"


def delete() -> str:
    for name in ("one", "two"):
        api.delete_namespaced_custom_object(*PLACE, name)
    return differs(refusal(get, "one")[:2], (404, "NotFound"))


CHECKS = (
    create,
    dry_run,
    lists,
    lists_of_all_namespaces,
    lists_by_label,
    conflict_of_names,
    conflict_of_versions,
    replace_with_the_latest,
    patch_removes_with_null,
    invalid_names_its_fields,
    not_found,
    watches,
    runtimes,
    reports_its_version,
    events,
    delete,
)
for check in CHECKS:
    report(check.__name__.replace("_", " "), check)
