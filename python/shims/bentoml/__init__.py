"""
Stands in for BentoML where a model's environment has not the real package: what BentoML documents for services
(https://docs.bentoml.com/en/latest/build-with-bentoml/services.html), as far as it is about a service's own code. The server is nitrous.
"""

from bentoml import exceptions, validators
from bentoml.service import Service, api, depends, on_shutdown, on_startup, service, task

__all__ = ["Service", "api", "depends", "exceptions", "on_shutdown", "on_startup", "service", "task", "validators"]
