"""CloudEvents of the Python SDK around V1 bodies, in both modes, as KServe's own tests send them. Argument: host:port."""

import json
import sys

import httpx
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent, from_http

from checks import report

URL = f"http://{sys.argv[1]}/v1/models/iris:predict"
ROW = [5.1, 3.5, 1.4, 0.2]
ATTRIBUTES = {"type": "com.example.sampletype1", "source": "https://example.com/event-producer", "specversion": "1.0"}
PLAIN = httpx.post(URL, json={"instances": [ROW]}).json()


def ask(data: object, write) -> httpx.Response:
    headers, body = write(CloudEvent(dict(ATTRIBUTES), data))
    return httpx.post(URL, content=body, headers=headers)


def is_answer(response: httpx.Response, content_type: str) -> str:
    if response.status_code != 200 or response.headers["content-type"] != content_type:
        return f"{response.status_code} {response.headers['content-type']} {response.text}"
    event = from_http(dict(response.headers), response.content)
    wanted = {"type": "io.kserve.inference.response", "source": "io.kserve.inference.iris", "specversion": "1.0"}
    wrong = {name: event[name] for name, value in wanted.items() if event[name] != value}
    return f"{wrong} {event.data}" if wrong or event.data != PLAIN else ""


def binary() -> str:
    response = ask({"instances": [ROW]}, to_binary)
    # KServe's library writes the data so.
    return is_answer(response, "application/json") or ("" if response.text == json.dumps(PLAIN) else response.text)


def structured() -> str:
    return is_answer(ask({"instances": [ROW]}, to_structured), "application/cloudevents+json")


def broken() -> str:
    headers, _ = to_binary(CloudEvent(dict(ATTRIBUTES), {}))
    response = httpx.post(URL, content=b"{", headers=headers)
    words = "Failed to decode or parse binary json cloudevent: "
    return "" if response.status_code == 400 and words in response.json()["error"] else f"{response.status_code} {response.text}"


report("an event in binary mode is answered by one", binary)
report("an event in structured mode is answered by one", structured)
report("an event whose data is no JSON is refused", broken)
