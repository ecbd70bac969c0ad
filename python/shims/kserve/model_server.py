"""The parser of a model server's arguments, which models' own parsers build on, and the server, which here starts nothing."""

from __future__ import annotations

import argparse
from typing import Any

from kserve.utils.utils import strtobool

parser = argparse.ArgumentParser(add_help=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
for _name, _type, _default in (
    ("http_port", int, 8080),
    ("grpc_port", int, 8081),
    ("workers", int, 1),
    ("max_threads", int, 4),
    ("max_asyncio_workers", int, None),
    ("enable_grpc", strtobool, True),
    ("enable_docs_url", strtobool, False),
    ("enable_latency_logging", strtobool, True),
    ("configure_logging", strtobool, True),
    ("log_config_file", str, None),
    ("access_log_format", str, None),
    ("model_name", str, "model"),
    ("predictor_host", str, None),
    ("protocol", str, "v1"),
    ("predictor_protocol", str, "v1"),
    ("predictor_use_ssl", strtobool, False),
    ("predictor_request_timeout_seconds", int, 600),
    ("predictor_request_retries", int, 0),
):
    parser.add_argument(f"--{_name}", type=_type, default=_default)
parser.add_argument("--enable_predictor_health_check", action="store_true")

args, _ = parser.parse_known_args()


class ModelServer:
    """`start([model])` says which model is served. Ports and workers are the server's own affair."""

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        pass

    def start(self, models: list[Any]) -> None:
        raise RuntimeError("this package only stands in for kserve inside of nitrous; install kserve to start its server")
