"""The Python host process of nitrous: loads models and answers the server's frames."""

VERSION = "0.1.0"
