"""What the process that becomes the program may do and use, put in force just before."""

from __future__ import annotations

import os
import random
import resource
import signal

from nitrous_launcher import system
from nitrous_launcher.confinement import drop_capabilities

# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW and SYS_CHROOT: of what container
# engines give programs of root, all that reaches nothing outside of them.
CAPABILITIES = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nitrous_launcher.servers.plan import Plan


def become(plan: Plan, limit_affinity: bool) -> None:
    """This process has the program's identity and limits, and leads a session of its own."""
    os.setsid()
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_open_files(plan.open_files)
    if limit_affinity and plan.processors is not None:
        _limit_processors(plan.processors)
    if os.getuid() == 0:
        drop_capabilities(CAPABILITIES)
        _change_user(plan.user, plan.group)
    else:
        drop_capabilities([])
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    # Taken back by the kernel when the user changes.
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.chdir(plan.directory)


def _change_user(user: int | None, group: int | None) -> None:
    if user is None and group is None:
        return
    # As the kubelet has it: a user without a named group gets that of root, which owns nothing that is writable.
    os.setgroups([])
    os.setgid(0 if group is None else group)
    if user is not None:
        os.setuid(user)


def _limit_open_files(wanted: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))


def _limit_processors(wanted: float) -> None:
    """Whole ones, and not the same for every program."""
    available = sorted(os.sched_getaffinity(0))
    count = min(len(available), max(1, int(-(-wanted // 1))))
    os.sched_setaffinity(0, random.sample(available, count))
