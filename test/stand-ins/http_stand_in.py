"""What the stand-ins for servers of others share: an HTTP server that says in its answers that it is none of them."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StandIn(BaseHTTPRequestHandler):
    """Answers by the functions in `routes`, each for a method and a path; they give a status and a body, or an iterator of chunks."""

    protocol_version = "HTTP/1.1"
    routes = {}

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        text = self.rfile.read(length)
        body = json.loads(text) if text else None
        route = self.routes.get((self.command, self.path))
        if route is None:
            return self.send(404, {"error": f"this stand-in has no {self.command} {self.path}"})
        status, value = route(body)
        if hasattr(value, "__next__"):
            return self.stream(value)
        self.send(status, value)

    do_GET = answer
    do_POST = answer

    def send(self, status, value):
        text = value if isinstance(value, str) else json.dumps(value)
        self.send_response(status)
        self.send_header("content-type", "text/plain" if isinstance(value, str) else "application/json")
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def stream(self, pieces):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            event = f"data: {piece if isinstance(piece, str) else json.dumps(piece)}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


def chat(model, words):
    """OpenAI's chat completions, whose text is `words` and what the user said last."""

    def route(body):
        if body.get("model") != model:
            return 404, {"object": "error", "message": f"The model `{body.get('model')}` does not exist.", "type": "NotFoundError", "code": 404}
        text = [*words, str(body["messages"][-1]["content"])]
        if body.get("stream"):
            pieces = [{"object": "chat.completion.chunk", "model": model, "choices": [{"index": 0, "delta": {"content": f"{word} "}}]} for word in text]
            return 200, iter([*pieces, "[DONE]"])
        message = {"role": "assistant", "content": " ".join(text)}
        return 200, {"object": "chat.completion", "model": model, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    return route


def serve(host, port, routes):
    StandIn.routes = routes
    print(f"a stand-in listens on {host}:{port}; its arguments were {sys.argv[1:]}", flush=True)
    ThreadingHTTPServer((host, port), StandIn).serve_forever()
