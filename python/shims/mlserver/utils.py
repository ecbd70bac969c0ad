"""Where a model's artefact is."""

from __future__ import annotations

import os
from typing import Any

from mlserver.errors import InvalidModelURI


async def get_model_uri(settings: Any, wellknown_filenames: list[str] = []) -> str:
    """The path that `parameters.uri` says, or of the first of the well-known files in that folder. Raises InvalidModelURI."""
    uri = None if settings.parameters is None else settings.parameters.uri
    if not uri:
        raise InvalidModelURI(settings.name)
    if os.path.isfile(uri):
        return uri
    if os.path.isdir(uri):
        for name in wellknown_filenames:
            if os.path.isfile(os.path.join(uri, name)):
                return os.path.join(uri, name)
        return uri
    raise InvalidModelURI(settings.name, uri)
