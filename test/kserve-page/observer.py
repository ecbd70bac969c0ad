"""Stands in for the images that KServe's page calls runtime:latest and gpu-runtime:latest: its model answers with what the program sees.

It needs nothing besides Python, speaks V1 on port 8080, and has its metrics on port 8081. UNWELL makes its liveness probe fail.
"""

import http.server
import json
import os
import signal
import sys
import threading
import time

STARTED = time.monotonic()
asked = {"predict": 0}
# Seconds after the start at which a probe asked first.
first_probes = {}


def seen():
    cache = None
    if os.path.isdir("/cache"):
        found = os.listdir("/cache")
        with open("/cache/kept", "w") as file:
            file.write("x" * 1000)
        cache = {"found": found, "kept": os.path.getsize("/cache/kept")}
    return {"environment": dict(os.environ), "cache": cache, "probes": first_probes, "processors": os.cpu_count()}


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        pass

    def answer(self, status, text, content_type="application/json"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path.startswith("/health/"):
            first_probes.setdefault(self.path, time.monotonic() - STARTED)
            unwell = self.path == "/health/live" and "UNWELL" in os.environ
            return self.answer(500 if unwell else 200, json.dumps({"error": "unwell"} if unwell else {"status": "ok"}))
        return self.answer(200, json.dumps({"name": self.path.rsplit("/", 1)[-1], "ready": True}))

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked["predict"] += 1
        self.answer(200, json.dumps({"predictions": [seen()]}))


class Metrics(Server):
    def do_GET(self):
        text = f"# HELP asked_total Requests.\n# TYPE asked_total counter\nasked_total {asked['predict']}\n"
        self.answer(200, text, "text/plain; version=0.0.4")


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
threading.Thread(target=http.server.ThreadingHTTPServer(("0.0.0.0", 8081), Metrics).serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Server).serve_forever()
