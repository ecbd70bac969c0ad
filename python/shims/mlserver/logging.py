"""MLServer's logger. What it prints goes to the model's log."""

import logging

logger = logging.getLogger("mlserver")
