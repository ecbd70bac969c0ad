"""LitServer's `run` says which LitAPI is served. Ports, workers and everything else of it are the server's own affair."""

from __future__ import annotations

from typing import Any

from litserve.api import LitAPI


class LitServer:
    def __init__(
        self,
        lit_api: LitAPI | list[LitAPI],
        accelerator: str = "auto",
        max_batch_size: int | None = None,
        batch_timeout: float | None = None,
        api_path: str | None = None,
        stream: bool | None = None,
        spec: Any = None,
        **_options: Any,
    ) -> None:
        self.lit_api = lit_api
        self.devices = ["cpu"] if accelerator in ("auto", "cpu") else [[f"{accelerator}:0"]]
        given = {"max_batch_size": max_batch_size, "batch_timeout": batch_timeout, "api_path": api_path, "stream": stream, "spec": spec}
        for api in lit_api if isinstance(lit_api, list) else [lit_api]:
            for name, value in given.items():
                if value is not None:
                    setattr(api, name, value)

    def run(self, host: str = "0.0.0.0", port: int = 8000, **_options: Any) -> None:
        raise RuntimeError("this package only stands in for litserve inside of nitrous; install litserve to run its server")
