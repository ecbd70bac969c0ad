"""Tries to get out of a confined host, and prints as JSON what happened to each attempt: "done", or why it failed."""

import ctypes
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import tempfile

model, other, server, port, unix_path, abstract = sys.argv[1:7]
server, port = int(server), int(port)
libc = ctypes.CDLL(None, use_errno=True)
temporary = tempfile.gettempdir()


def call(number, *arguments):
    if libc.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as client:
        client.settimeout(2)
        client.connect(address)
        client.send(b"x")


def write(path):
    with open(path, "a") as file:
        file.write("x")


def through_link():
    link = os.path.join(temporary, "link")
    os.symlink(other, link)
    open(link).read()


def hard_link():
    os.link(other, os.path.join(temporary, "hard"))
    open(os.path.join(temporary, "hard")).read()


def in_child(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def in_orphan(path):
    """By a child of a child in a session of its own."""
    subprocess.run(["setsid", "sh", "-c", f"(cat {path} > {temporary}/stolen) & wait"], stderr=subprocess.DEVNULL)
    if not os.path.getsize(os.path.join(temporary, "stolen")):
        raise OSError("empty")


def no_new_privileges():
    if libc.prctl(39, 0, 0, 0, 0) == 1:
        raise OSError("no_new_privs is set")


X86 = os.uname().machine == "x86_64"
NUMBERS = {"ptrace": 101, "unshare": 272, "mount": 165, "setns": 308, "process_vm_readv": 310} if X86 else {
    "ptrace": 117, "unshare": 97, "mount": 40, "setns": 268, "process_vm_readv": 270}
ATTACH, SEIZE, NEWUSER = 16, 0x4206, 0x10000000

ESCAPES = {
    "connect": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
    "connect over IPv6": lambda: connect(socket.AF_INET6, ("::1", port)),
    "send over UDP": lambda: connect(socket.AF_INET, ("127.0.0.1", port), socket.SOCK_DGRAM),
    "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "connect to a Unix socket": lambda: connect(socket.AF_UNIX, unix_path),
    "connect to an abstract socket": lambda: connect(socket.AF_UNIX, "\0" + abstract),
    "set up io_uring": lambda: call(425, 1, ctypes.create_string_buffer(120)),
    "connect in a child": lambda: in_child(sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}))"),
    "write beside the model": lambda: write(os.path.join(model, "written")),
    "change the model": lambda: write(os.path.join(model, "model.txt")),
    "write to /tmp": lambda: write("/tmp/nitrous-escaped"),
    "write to /usr": lambda: write("/usr/nitrous-escaped"),
    "write to nitrous": lambda: write(os.path.join(sys.argv[7], "python/escaped.py")),
    "remove the model": lambda: os.remove(os.path.join(model, "model.txt")),
    "make the model writable": lambda: (os.chmod(model, 0o777), write(os.path.join(model, "written"))),
    "change the model's mode": lambda: os.chmod(os.path.join(model, "model.txt"), 0o777),
    "read another model": lambda: open(other).read(),
    "read another model through a link": through_link,
    "read another model through a hard link": hard_link,
    "read another model in a child": lambda: in_child("cat", other),
    "read another model in an orphan": lambda: in_orphan(other),
    "read another model through the server": lambda: open(f"/proc/{server}/root{other}").read(),
    "read another model from above": lambda: open("../" * 20 + other).read(),
    "read the password hashes": lambda: open("/etc/shadow").read(),
    "list the checkout": lambda: os.listdir(pathlib.Path(sys.argv[7]) / "docs"),
    "read the server's environment": lambda: open(f"/proc/{server}/environ").read(),
    "read the server's command": lambda: open(f"/proc/{server}/cmdline").read(),
    "open the server's memory": lambda: open(f"/proc/{server}/mem", "rb"),
    "trace the server": lambda: call(NUMBERS["ptrace"], ATTACH, server, 0, 0),
    "seize the server": lambda: call(NUMBERS["ptrace"], SEIZE, server, 0, 0),
    "read the server's memory": lambda: call(NUMBERS["process_vm_readv"], server, None, 0, None, 0, 0),
    "signal the server": lambda: os.kill(server, signal.SIGCONT),
    "limit the server": lambda: resource.prlimit(server, resource.RLIMIT_CORE),
    "give another model's file away": lambda: os.chmod(other, 0o777),
    "make a user namespace": lambda: call(NUMBERS["unshare"], NEWUSER),
    "make a user namespace in a child": lambda: in_child("unshare", "--user", "true"),
    "mount": lambda: call(NUMBERS["mount"], b"none", temporary.encode(), b"tmpfs", 0, None),
    "mount over in a child": lambda: in_child("mount", "-t", "tmpfs", "none", temporary),
    "make a device": lambda: os.mknod(os.path.join(temporary, "device"), 0o60600, os.makedev(8, 0)),
    "change the time": lambda: __import__("time").clock_settime(0, __import__("time").time()),
    "change what the kernel does with cores": lambda: open("/proc/sys/kernel/core_pattern", "r+").close(),
    "change what the kernel does with modules": lambda: open("/proc/sys/kernel/modprobe", "r+").close(),
    "press the kernel's keys": lambda: open("/proc/sysrq-trigger", "w").close(),
    "become another user": lambda: os.setuid(12345),
    "gain privileges": no_new_privileges,
}

DUTIES = {
    "read the model": lambda: open(os.path.join(model, "model.txt")).read(),
    "write to its temporary folder": lambda: write(os.path.join(temporary, "own")),
    "write to its home": lambda: write(os.path.join(os.path.expanduser("~"), "own")),
    "write to /dev/null": lambda: write("/dev/null"),
    "read random bytes": lambda: open("/dev/urandom", "rb").read(8),
    "start a child": lambda: in_child("true"),
    "start a thread": lambda: __import__("threading").Thread(target=lambda: None).start(),
    "make a pair of sockets": socket.socketpair,
    "change its own limits": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)),
    "look at itself": lambda: open("/proc/self/status").read(),
    "look at the machine": lambda: (open("/proc/cpuinfo").read(), open("/proc/meminfo").read(), os.listdir("/sys/devices/system/cpu")),
    "import much": lambda: __import__("ssl") and __import__("multiprocessing") and __import__("sqlite3"),
}


def outcomes(attempts):
    found = {}
    for name, attempt in attempts.items():
        try:
            attempt()
            found[name] = "done"
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


print(json.dumps({"escapes": outcomes(ESCAPES), "duties": outcomes(DUTIES)}), flush=True)
