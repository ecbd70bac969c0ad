"""Servers of their own below the launcher: programs that listen on ports, each in namespaces of its own where the machine has them."""
