"""Linux system calls that Python's standard library lacks. Names and numbers as in the kernel's headers."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47

libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    """The result of a system call; raises OSError where it is -1."""
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def prctl(option: int, argument: int = 0, *others: int) -> int:
    words = [ctypes.c_ulong(word) for word in (argument, *others, 0, 0, 0)][:4]
    return checked(libc.prctl(option, *words), f"prctl({option})")
