"""Mount, network, process and IPC namespaces of a host's own; see namespaces(7), pivot_root(2) and mount_setattr(2)."""

from __future__ import annotations

import ctypes
import os
import struct

from nitrous_launcher import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
MNT_DETACH = 2
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
# The same number on every architecture.
MOUNT_SETATTR = 442
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV = 1, 2, 4
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

DEVICES = ["null", "zero", "full", "random", "urandom"]


def leave_process_namespace() -> None:
    """The next child is the first process of a namespace; all in it end with it. Without privileges in a user namespace too."""
    if system.libc.unshare(NEWPID) == 0:
        return
    uid, gid = os.getuid(), os.getgid()
    system.checked(system.libc.unshare(NEWUSER | NEWPID), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    # Without that the kernel hides from the server, and from this process itself, what belongs to it.
    system.prctl(system.PR_SET_DUMPABLE, 1)


def leave_network() -> None:
    """From now on this process has a network of its own, in which it reaches itself. After leave_process_namespace."""
    import fcntl
    import socket

    system.checked(system.libc.unshare(NEWNET), "unshare of the network")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anyone:
        fcntl.ioctl(anyone, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def protect_kernel_settings(root: str) -> None:
    """Who is root in the machine could change the machine in a new /proc, whatever the capabilities; see proc(5)."""
    for name in ["sys", "sysrq-trigger", "irq", "bus"]:
        place = f"{root}/proc/{name}"
        if os.path.exists(place):
            mount(place, place, None, MS_BIND | MS_REC)
            restrict(place, ATTR_RDONLY, recursive=True)


def enter(root: str, readable: list[str], writable: list[str]) -> None:
    """
    For the first process of a process namespace: no network, and a file system of nothing but these paths and a few devices. `root`
    is an empty folder to put it together in. Paths that are not there are left out.
    """
    directory = os.getcwd()
    system.checked(system.libc.unshare(NEWNS | NEWIPC | NEWNET), "unshare")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    for path in sorted(set(readable) | set(writable)):
        show(root, path, path in writable)
    make_devices(root)
    os.makedirs(f"{root}/proc", exist_ok=True)
    mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    protect_kernel_settings(root)
    restrict(root, ATTR_RDONLY, recursive=False)
    pivot(root)
    os.chdir(directory)


def pivot(root: str) -> None:
    """What is mounted at this folder becomes the whole file system."""
    os.chdir(root)
    # The old root is mounted over the new one and taken away again: pivot_root(2), "pivot_root(".", ".")".
    system.checked(system.libc.syscall(PIVOT_ROOT[os.uname().machine], b".", b"."), "pivot_root")
    system.checked(system.libc.umount2(b".", MNT_DETACH), "umount")


def show(root: str, path: str, is_writable: bool) -> None:
    place = root + path
    if not os.path.lexists(path) or os.path.lexists(place):
        # What is in a folder that is shown already, is there.
        if not (is_writable and os.path.isdir(place)):
            return
    if os.path.islink(path):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(os.readlink(path), place)
        return
    make_place(place, os.path.isdir(path))
    mount(path, place, None, MS_BIND | MS_REC)
    restrict(place, ATTR_NOSUID | ATTR_NODEV | (0 if is_writable else ATTR_RDONLY), recursive=True)


def make_place(place: str, is_directory: bool) -> None:
    if is_directory:
        os.makedirs(place, exist_ok=True)
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "w"):
        pass


def make_devices(root: str, others: Sequence[str] = (), shared_memory: str = "size=64m") -> None:
    os.makedirs(f"{root}/dev/shm")
    for name in [*DEVICES, *others]:
        make_place(f"{root}/dev/{name}", os.path.isdir(f"/dev/{name}"))
        mount(f"/dev/{name}", f"{root}/dev/{name}", None, MS_BIND)
    mount("tmpfs", f"{root}/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, shared_memory)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{root}/dev/{name}")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind, options)]
    result = system.libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3])
    system.checked(result, f"mount on {target}")


def restrict(place: str, attributes: int, recursive: bool) -> None:
    wanted = struct.pack("=QQQQ", attributes, 0, 0, 0)
    result = system.libc.syscall(
        MOUNT_SETATTR, AT_FDCWD, place.encode(), ctypes.c_uint(AT_RECURSIVE if recursive else 0), wanted, ctypes.c_size_t(len(wanted))
    )
    system.checked(result, f"mount_setattr on {place}")
