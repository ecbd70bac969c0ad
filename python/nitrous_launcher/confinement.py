"""What a host at trust *none* may do, put in force in the process that is to become the host."""

from __future__ import annotations

import ctypes
import os
import resource
import struct

from nitrous_launcher import landlock, namespaces, seccomp, system

LAST_CAPABILITY = 63
# Whoever runs the server as root may serve the files of others; which files those can be is limited otherwise.
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522
PR_CAP_AMBIENT_CLEAR_ALL = 4


def confine(level: str, readable: list[str], writable: list[str]) -> None:
    """`level` is "namespaces", "landlock" or, inside of bwrap, "filter". The first writable folder is empty."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if level == "namespaces":
        root = os.path.join(writable[0], ".root")
        os.mkdir(root)
        namespaces.enter(root, readable, writable)
    version = None
    drop_capabilities([CAP_DAC_READ_SEARCH])
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    if level == "landlock":
        devices = [f"/dev/{name}" for name in namespaces.DEVICES]
        version = landlock.version()
        landlock.restrict([*readable, *landlock_only()], [*writable, *devices])
    seccomp.apply(landlock=version)


def landlock_only() -> list[str]:
    """What a process finds in /proc of its own namespace; in the machine's it may see itself and the machine, not the others."""
    machine = ["cpuinfo", "meminfo", "stat", "loadavg", "uptime", "version", "filesystems", "sys/vm", "sys/kernel/pid_max"]
    return [f"/proc/{os.getpid()}", *(f"/proc/{name}" for name in machine)]


def drop_capabilities(kept: list[int]) -> None:
    """All but these, and for every program that this process becomes; of these the ones that it has."""
    for capability in range(LAST_CAPABILITY + 1):
        if capability not in kept:
            # Fails for capabilities that the kernel does not have, and where there are none to drop.
            system.libc.prctl(system.PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    system.libc.prctl(system.PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    left = sum(1 << capability for capability in kept) & _permitted()
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", left, left, 0, 0, 0, 0)
    system.checked(system.libc.capset(header, data), "capset")


def _permitted() -> int:
    with open("/proc/self/status") as file:
        permitted = next(line for line in file if line.startswith("CapPrm:"))
    return int(permitted.split()[1], 16)
