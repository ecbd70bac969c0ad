"""Which TCP ports processes listen on; see proc_net_tcp in the kernel's documentation."""

from __future__ import annotations

import os

LISTEN = "0A"
TABLES = ["/proc/self/net/tcp", "/proc/self/net/tcp6"]


def listening(pids: list[int] | None) -> list[int]:
    """In this network namespace: of these processes, or with None of all."""
    ports = _ports_by_inode()
    if pids is None:
        return sorted(set(ports.values()))
    return sorted({ports[inode] for pid in pids for inode in _sockets_of(pid) if inode in ports})


def _ports_by_inode() -> dict[str, int]:
    ports: dict[str, int] = {}
    for table in TABLES:
        try:
            with open(table) as file:
                rows = [line.split() for line in file][1:]
        except OSError:
            continue
        for row in rows:
            if row[3] == LISTEN:
                ports[row[9]] = int(row[1].rpartition(":")[2], 16)
    return ports


def _sockets_of(pid: int) -> list[str]:
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            if target.startswith("socket:["):
                found.append(target[len("socket:[") : -1])
    except OSError:
        pass  # It has just ended.
    return found
