"""Where handlers imported intermediate answers from before TorchServe 1.0."""

from ts.handler_utils.utils import send_intermediate_predict_response

__all__ = ["send_intermediate_predict_response"]
