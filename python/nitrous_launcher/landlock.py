"""Which files a process may reach, by Landlock: https://docs.kernel.org/userspace-api/landlock.html."""

from __future__ import annotations

import ctypes
import os
import stat
import struct

from nitrous_launcher import system

# The same numbers on every architecture.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
# All rights of each version of the interface: the first has 13; 2 adds renaming between folders, 3 truncating, 5 ioctl on devices.
ALL_RIGHTS = [0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1]
TCP = 0b11  # bind and connect, from version 4
SCOPES = 0b11  # abstract Unix sockets and signals to processes outside, from version 6


def version() -> int:
    """Of the kernel's interface; 0 where there is none."""
    return max(0, system.libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(VERSION)))


def restrict(readable: list[str], writable: list[str]) -> None:
    """
    From now on this process and all that come from it reach only these files and what is below these folders; paths that are
    not there are left out. Needs no_new_privs.
    """
    known = version()
    rights = ALL_RIGHTS[min(known, len(ALL_RIGHTS) - 1)]
    attributes = struct.pack("=QQQ", rights, TCP if known >= 4 else 0, SCOPES if known >= 6 else 0)
    size = 8 if known < 4 else 16 if known < 6 else 24
    ruleset = system.checked(
        system.libc.syscall(CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(size), ctypes.c_uint(0)), "landlock ruleset"
    )
    for path in readable:
        _allow(ruleset, path, READ & rights)
    for path in writable:
        _allow(ruleset, path, rights)
    system.checked(system.libc.syscall(RESTRICT_SELF, ruleset, ctypes.c_uint(0)), "landlock")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= ON_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        system.checked(
            system.libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.c_char_p(rule), ctypes.c_uint(0)), f"landlock rule for {path}"
        )
    finally:
        os.close(descriptor)
