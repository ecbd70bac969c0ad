"""A small server of several models: Open Inference Protocol over HTTP with its repository extension, V1, and metrics.

A model is a folder with a model.json such as {"coefficients": [1, 2]}; its answer to rows is their products with these.
It needs nothing besides Python. Usage: server.py --model-dir=/mnt/models --http-port=8080
"""

import argparse
import http.server
import json
import os
import re
import threading


class Missing(Exception):
    """There is no such model."""


class Repository:
    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.models = {}
        self.answers = {}

    def load(self, name):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise Missing(f"unknown model: {name}")
        if not os.path.isdir(os.path.join(self.folder, name)):
            raise Missing(f"failed to load '{name}': it has no folder in {self.folder}")
        path = os.path.join(self.folder, name, "model.json")
        if not os.path.exists(path):
            raise ValueError(f"failed to load '{name}': there is no {path}")
        with open(path) as file:
            coefficients = [float(each) for each in json.load(file)["coefficients"]]
        with self.lock:
            self.models[name] = coefficients

    def unload(self, name):
        with self.lock:
            if self.models.pop(name, None) is None:
                raise Missing(f"unknown model: {name}")

    def get(self, name):
        with self.lock:
            if name not in self.models:
                raise Missing(f"unknown model: {name}")
            return self.models[name]

    def index(self):
        with self.lock:
            return [{"name": name, "version": "1", "state": "READY"} for name in sorted(self.models)]

    def predict(self, name, rows):
        coefficients = self.get(name)
        for row in rows:
            if len(row) != len(coefficients):
                raise ValueError(f"expected {len(coefficients)} numbers in each row, found {len(row)}")
        with self.lock:
            self.answers[name] = self.answers.get(name, 0) + 1
        return [sum(each * factor for each, factor in zip(row, coefficients)) for row in rows]

    def metrics(self):
        lines = ["# HELP answers_total Requests that were answered.", "# TYPE answers_total counter"]
        with self.lock:
            lines += [f'answers_total{{model="{name}"}} {count}' for name, count in sorted(self.answers.items())]
            lines += ["# HELP models Models that are loaded.", "# TYPE models gauge", f"models {len(self.models)}"]
        return "\n".join(lines) + "\n"


def infer(repository, name, request):
    (tensor,) = request["inputs"]
    rows, columns = tensor["shape"]
    data = tensor["data"]
    flat = [each for row in data for each in row] if data and isinstance(data[0], list) else data
    values = repository.predict(name, [flat[columns * row : columns * (row + 1)] for row in range(rows)])
    output = {"name": "y", "datatype": "FP64", "shape": [rows], "data": values}
    return {"model_name": name, "model_version": "1", "outputs": [output]}


def metadata(repository, name):
    columns = len(repository.get(name))
    return {
        "name": name,
        "versions": ["1"],
        "platform": "linear",
        "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, columns]}],
        "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1]}],
    }


MODEL = r"(?P<model>[^/:]+)"


def routes(repository):
    return [
        ("GET", "/v2/health/(live|ready)", lambda _body: {}),
        ("GET", "/v2", lambda _body: {"name": "multi-model", "version": "1.0", "extensions": ["model_repository"]}),
        ("GET", f"/v2/models/{MODEL}", lambda _body, model: metadata(repository, model)),
        ("GET", f"/v2/models/{MODEL}/ready", lambda _body, model: (repository.get(model), {})[1]),
        ("POST", f"/v2/models/{MODEL}/infer", lambda body, model: infer(repository, model, body)),
        ("POST", f"/v1/models/{MODEL}:predict", lambda body, model: {"predictions": repository.predict(model, body["instances"])}),
        ("GET", "/v2/repository/models", lambda _body: repository.index()),
        ("POST", "/v2/repository/index", lambda _body: repository.index()),
        ("POST", f"/v2/repository/models/{MODEL}/load", lambda _body, model: repository.load(model) or {}),
        ("POST", f"/v2/repository/models/{MODEL}/unload", lambda _body, model: repository.unload(model) or {}),
    ]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, body, content_type="application/json"):
        encoded = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/metrics":
            self.answer(200, self.server.repository.metrics(), "text/plain; version=0.0.4")
            return
        for method, pattern, work in routes(self.server.repository):
            match = re.fullmatch(pattern, self.path)
            if match is None or method != self.command:
                continue
            try:
                self.answer(200, json.dumps(work(json.loads(body) if body else {}, **match.groupdict())))
            except Missing as error:
                self.answer(404, json.dumps({"error": str(error)}))
            except (KeyError, ValueError, TypeError) as error:
                self.answer(400, json.dumps({"error": str(error)}))
            return
        self.answer(404, json.dumps({"error": f"there is no {self.command} {self.path}"}))

    do_GET = handle_any
    do_POST = handle_any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model-dir", default="/mnt/models")
    parser.add_argument("--http-port", type=int, default=8080)
    given = parser.parse_args()
    server = Server(("0.0.0.0", given.http_port), Handler)
    server.repository = Repository(given.model_dir)
    print(f"serving {given.model_dir} on port {given.http_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
