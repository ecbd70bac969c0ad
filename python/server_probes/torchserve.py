"""Ends with 0 when TorchServe has loaded a model: its /ping is well also when the model's worker has died and is started again.

Asks for the description that the model's own worker gives (TorchServe's management API, GET /models/NAME?customized=true), which waits
while the worker loads. Handlers without one fail at being asked, which only loaded ones are.
"""

import json
import os
import sys
import urllib.error
import urllib.request

url = f"{os.environ['TS_MANAGEMENT_ADDRESS']}/models/{sys.argv[1]}?customized=true"
try:
    urllib.request.urlopen(url, timeout=60).close()
except urllib.error.HTTPError as error:
    message = json.load(error).get("message")
    if message != "Prediction failed":
        sys.exit(f"its worker answers: {message}")
except OSError as error:
    sys.exit(f"it does not answer: {error}")
