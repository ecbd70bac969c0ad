"""
The first process of a server's process namespace: starts the program, buries what has ended, and says how the program ended. Asked to
end by SIGTERM it passes that on to the program, and when that has ended to all others, and waits for them; until then everything ends
with the program.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from nitrous_launcher.servers.reports import Reports


def be_first_process(become_program: Callable[[], None], reports: Reports) -> None:
    """Does not return."""
    asked = [False]
    program = [0]

    def pass_on(*_: object) -> None:
        asked[0] = True
        if program[0] != 0:
            _ask(program[0])

    signal.signal(signal.SIGTERM, pass_on)
    program[0] = os.fork()
    if program[0] == 0:
        become_program()
    if asked[0]:
        _ask(program[0])
    reports.started()
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(0)
        if pid == program[0]:
            reports.ended(status)
            program[0] = 0
            if not asked[0]:
                os._exit(0)
            # All that are left in the namespace.
            _ask(-1)


def _ask(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except OSError:
        pass
