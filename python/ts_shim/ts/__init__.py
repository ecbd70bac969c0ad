"""
The import names that handlers of TorchServe archives use, for hosts where TorchServe itself is not installed. What is here has the
documented methods and attributes and nothing of TorchServe's own server.
"""

# The version whose documentation this follows.
__version__ = "0.12.0"
