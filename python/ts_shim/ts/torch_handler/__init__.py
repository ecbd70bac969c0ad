"""The default handlers, and the classes that custom handlers are derived from."""
