"""What schemathesis does besides: requests find models that there are, streams end, and every status of 500 or more is one that is listed."""

import json
import os
import re

import schemathesis

LISTED = [(row["status"], re.compile(row["route"]), re.compile(row["message"])) for row in json.loads(os.environ["LISTED_SERVER_ERRORS"])]
# So that most requests come to what they are about.
PRESENT = {"model": "iris-onnx", "version": "1", "method": "predict", "group": "serving.kserve.io", "namespace": "default", "plural": "inferenceservices"}
ROW = [5.1, 3.5, 1.4, 0.2]
INFERENCES = {
    "/infer": {"inputs": [{"name": "features", "datatype": "FP32", "shape": [1, 4], "data": ROW}]},
    "/generate": {"features": ROW},
    "/generate_stream": {"features": ROW},
    "/run": {"inputs": {"features": [ROW]}},
    "/stream": {"inputs": {"features": [ROW]}},
    "/submit": {"inputs": {"features": [ROW]}},
    ":predict": {"instances": [ROW]},
    "/invocations": {"instances": [ROW]},
    "/predictions/{model}": {"instances": [ROW]},
}
ENDLESS = {"watch", "follow"}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    for name, value in (path_parameters or {}).items():
        # One in four stays as it was made.
        if name in PRESENT and len(str(value)) % 4 != 0:
            path_parameters[name] = "v1beta1" if name == "version" and "group" in path_parameters else PRESENT[name]
    return path_parameters


@schemathesis.hook
def map_body(context, body):
    """Half of the requests for inferences have what the model takes, beside all that was made up."""
    good = next((each for end, each in INFERENCES.items() if context.operation.path.endswith(end)), None)
    if good is None or not isinstance(body, dict) or len(repr(body)) % 2 == 0:
        return body
    return {**body, **good}


@schemathesis.hook
def filter_query(context, query):
    return not query or not ENDLESS & query.keys()


@schemathesis.check
def listed_server_error(context, response, case):
    if response.status_code < 500:
        return
    route = f"{case.method} {case.operation.path}"
    for status, path, message in LISTED:
        if status == response.status_code and path.search(route) and message.search(response.text):
            return
    raise AssertionError(f"{response.status_code} of {route} is not listed: {response.text[:300]}")
