"""A filter for system calls: sockets, other processes' memory, mounts, the kernel's configuration. See seccomp(2)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from nitrous_launcher import system

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
RET_KILL_PROCESS = 0x80000000
RET_ERRNO = 0x00050000
RET_ALLOW = 0x7FFF0000
LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K
# Offsets in struct seccomp_data.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
NEW_NAMESPACE = 0x7E020000
X32 = 0x40000000

# The same on every architecture: io_uring (it opens sockets without socket()), the newer calls for mounts, and pidfd_getfd,
# process_madvise.
EVERYWHERE = [425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 440, 442]


class Machine:
    """Numbers of system calls on one architecture."""

    def __init__(
        self, architecture: int, clone: int, prlimit: int, refused: list[int], attributes: list[int], signals: list[int], truncate: int
    ) -> None:
        # AUDIT_ARCH of <linux/audit.h>.
        self.architecture = architecture
        self.clone = clone
        self.prlimit = prlimit
        # socket, ptrace, process_vm_readv, process_vm_writev, kcmp; mount, umount2, pivot_root, chroot, unshare, setns,
        # open_by_handle_at; bpf, perf_event_open, userfaultfd, add_key, request_key, keyctl; init_module, finit_module, delete_module,
        # kexec_load, kexec_file_load, reboot, swapon, swapoff; settimeofday, clock_settime, adjtimex, clock_adjtime, acct, syslog,
        # quotactl, mknodat, sethostname, setdomainname; and on x86 mknod, modify_ldt, iopl, ioperm.
        self.refused = refused
        # chmod, chown and setxattr in all their forms; the last four have the same numbers everywhere.
        self.attributes = [*attributes, 452, 463, 466, 469]
        # kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo; pidfd_send_signal.
        self.signals = [*signals, 424]
        self.truncate = truncate


MACHINES = {
    "x86_64": Machine(
        architecture=0xC000003E,
        clone=56,
        prlimit=302,
        refused=[41, 101, 310, 311, 312, 165, 166, 155, 161, 272, 308, 304, 321, 298, 323, 248, 249, 250, 175, 313, 176, 246, 320, 169]
        + [167, 168, 164, 227, 159, 305, 163, 103, 179, 259, 170, 171, 133, 154, 172, 173],
        attributes=[90, 91, 268, 92, 93, 94, 260, 188, 189, 190, 197, 198, 199],
        signals=[62, 200, 234, 129, 297],
        truncate=76,
    ),
    "aarch64": Machine(
        architecture=0xC00000B7,
        clone=220,
        prlimit=261,
        refused=[198, 117, 270, 271, 272, 40, 39, 41, 51, 97, 268, 265, 280, 241, 282, 217, 218, 219, 105, 273, 106, 104, 294, 142]
        + [224, 225, 170, 112, 171, 266, 89, 116, 60, 33, 161, 162],
        attributes=[52, 53, 54, 55, 5, 6, 7, 14, 15, 16],
        signals=[129, 130, 131, 138, 240],
        truncate=45,
    ),
}
CLONE3 = 435  # everywhere


def is_supported() -> bool:
    """The kernel takes filters, and this module knows the machine's numbers."""
    # A null filter is refused as a bad address where filters exist.
    result = system.libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, None, 0, 0)
    return result == -1 and ctypes.get_errno() == errno.EFAULT and os.uname().machine in MACHINES


def apply(landlock: int | None) -> None:
    """
    For this process and all that come from it, for ever; refused calls fail with EPERM. Needs no_new_privs. `landlock` is the version
    of the interface where files are kept by it, which leaves some calls to this filter.
    """
    machine = MACHINES[os.uname().machine]
    program = _program(machine, [*machine.refused, *EVERYWHERE, *([] if landlock is None else _beside_landlock(machine, landlock))])
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]

    filter_program = Program(len(program), ctypes.addressof(instructions))
    system.checked(system.libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0), "seccomp filter")


def _beside_landlock(machine: Machine, version: int) -> list[int]:
    """Landlock does not look at modes, owners and attributes, before version 3 not at truncate, before 6 not at signals."""
    truncate = [machine.truncate] if version < 3 else []
    signals = machine.signals if version < 6 else []
    return [*machine.attributes, *truncate, *signals]


def _program(machine: Machine, refused: list[int]) -> list[tuple[int, int, int, int]]:
    """Instructions as (code, jump if true, jump if false, constant); jumps count the instructions to leave out."""
    refuse = (RETURN, 0, 0, RET_ERRNO | errno.EPERM)
    program = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, machine.architecture),
        # Another architecture's calls have other numbers.
        (RETURN, 0, 0, RET_KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (RETURN, 0, 0, RET_ERRNO | errno.ENOSYS),
        # Its flags lie in memory, where a filter cannot look; the C library then takes clone.
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, RET_ERRNO | errno.ENOSYS),
    ]
    for number in refused:
        program += [(EQUAL, 0, 1, number), refuse]
    allow = (RETURN, 0, 0, RET_ALLOW)
    # Its own limits a process may change, not those of others.
    program += [(EQUAL, 0, 4, machine.prlimit), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 0, 1, 0), allow, refuse]
    program += [(EQUAL, 0, 3, machine.clone), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, NEW_NAMESPACE), refuse]
    return [*program, allow]
