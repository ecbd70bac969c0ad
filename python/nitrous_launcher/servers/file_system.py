"""
The file system of a server in namespaces of its own: that of the machine, read-only, with folders of its own in it and without those
that are none of its business.
"""

from __future__ import annotations

import os

from nitrous_launcher import namespaces, system
from nitrous_launcher.namespaces import ATTR_NODEV, ATTR_NOSUID, ATTR_RDONLY, MS_BIND, MS_NODEV, MS_NOSUID, MS_PRIVATE, MS_REC

# Made anew.
OWN = ["dev", "proc", "tmp", "run"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nitrous_launcher.servers.plan import Plan


def enter(plan: Plan) -> None:
    """For the first process of a process namespace."""
    view = plan.view
    root = os.path.join(plan.temporary, "root")
    system.checked(system.libc.unshare(namespaces.NEWNS | namespaces.NEWIPC), "unshare of mounts")
    namespaces.mount(None, "/", None, MS_REC | MS_PRIVATE)
    namespaces.mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=755")
    synthetic = [root]
    for name in sorted(os.listdir("/")):
        if name not in OWN:
            namespaces.show(root, f"/{name}", is_writable=False)
    namespaces.make_devices(root, view["devices"], shared_memory="mode=1777")
    os.symlink("null", f"{root}/dev/tty")
    for place in view["places"]:
        _make(root, place, synthetic)
    os.makedirs(f"{root}/proc")
    namespaces.mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | namespaces.MS_NOEXEC)
    namespaces.protect_kernel_settings(root)
    for path in synthetic:
        namespaces.restrict(path, ATTR_RDONLY, recursive=False)
    namespaces.pivot(root)


def _make(root: str, place: dict, synthetic: list[str]) -> None:
    """A folder or file of the machine, an empty folder that hides what is there, or a file system in memory."""
    target, source, limit = place["to"], place["from"], place["limit"]
    if source is not None:
        path = _place(root, target, os.path.isdir(source), synthetic)
        namespaces.mount(source, path, None, MS_BIND | MS_REC)
        namespaces.restrict(path, ATTR_NOSUID | ATTR_NODEV | (0 if place["writable"] else ATTR_RDONLY), recursive=True)
        if root + target in synthetic:
            synthetic.remove(root + target)
    elif place["writable"]:
        options = "mode=1777" if limit is None else f"mode=1777,size={limit}"
        namespaces.mount("tmpfs", _place(root, target, True, synthetic), "tmpfs", MS_NOSUID | MS_NODEV, options)
    elif os.path.isdir(root + target):
        namespaces.mount("tmpfs", root + target, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
        synthetic.append(root + target)


def _place(root: str, target: str, is_directory: bool, synthetic: list[str]) -> str:
    """Where to mount what the program sees at this path; made where it is not there."""
    place = root + target
    if os.path.exists(place):
        return place
    try:
        namespaces.make_place(place, is_directory)
    except OSError:
        # The folder that it would be in is the machine's, which is read-only here: another with the same things in it takes its place.
        _imitate(root, _nearest(place), synthetic)
        namespaces.make_place(place, is_directory)
    return place


def _nearest(place: str) -> str:
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    return place


def _imitate(root: str, place: str, synthetic: list[str]) -> None:
    path = place[len(root) :]
    names = os.listdir(place)
    namespaces.mount("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=755")
    synthetic.append(place)
    for name in names:
        namespaces.show(root, f"{path}/{name}", is_writable=False)
