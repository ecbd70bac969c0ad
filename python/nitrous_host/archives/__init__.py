"""Archives of TorchServe: unpacking, manifests, model stores, handlers, and calls in the form in which handlers take them."""
