"""
Stands in for LitServe where a model's environment has not the real package: LitAPI and LitServer as LitServe documents them
(https://lightning.ai/docs/litserve/api-reference/litapi). The server is nitrous, so LitServer starts nothing of its own.
"""

from litserve.api import LitAPI
from litserve.server import LitServer

__all__ = ["LitAPI", "LitServer"]
