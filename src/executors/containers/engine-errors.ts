import type { EngineKind } from "./found-engine.ts";

/** What engines say when something of the machine is missing, and what to do about it. */
const HINTS: ReadonlyArray<readonly [said: RegExp, advice: string]> = [
  [
    /permission denied.*docker(?:\.sock| daemon)|docker\.sock.*permission denied/is,
    "the server's user may not talk to the Docker daemon: add it to the group docker, or install podman, which needs no daemon",
  ],
  [/cannot connect to the docker daemon/i, "the Docker daemon does not run: start it, or install podman, which needs no daemon"],
  [
    /subuid|subgid|newuidmap|newgidmap|insufficient UIDs or GIDs|not enough (?:unused )?IDs/i,
    "the server's user has no range of user ids of its own: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, then podman system migrate",
  ],
  [
    /slirp4netns|pasta|\/dev\/net\/tun/,
    "without root a container gets a network of its own from slirp4netns or pasta, which must be installed and may open /dev/net/tun; or say nitrous/network: host",
  ],
  [/cgroups in hybrid mode/i, "crun does not start containers where cgroups of both versions have controllers: install runc"],
  [
    /setrlimit|rlimits? .*not permitted/i,
    "this machine does not let containers have podman's usual limits: set default_ulimits in a file that CONTAINERS_CONF names",
  ],
  [
    /sd-bus|dbus|systemd.*(?:cgroup|scope)|interactive authentication required/i,
    'there is no systemd to make control groups: set cgroup_manager = "cgroupfs" in a file that CONTAINERS_CONF names',
  ],
  [
    /controllers? .*(?:not available|not delegated|not found)|cgroup.*(?:permission denied|not permitted|read-only)/is,
    "the engine may not set limits for its containers: delegate the controllers cpu, memory and pids to the server's user, or leave the limits out of the resource",
  ],
  [
    /unresolvable CDI devices|CDI device|could not select device driver.*gpu|nvidia-container/is,
    "the engine cannot give GPUs to containers: install the NVIDIA Container Toolkit (podman: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml)",
  ],
  [
    /short-name .*did not resolve|no unqualified-search registries/i,
    "write the image with its registry, such as docker.io/library/NAME:TAG",
  ],
  [
    /unauthorized|authentication required|denied: |access to the resource is denied/i,
    "the registry wants somebody who is logged in: podman login or docker login as the server's user",
  ],
  [
    /manifest unknown|manifest .*not found|repository .*not found|requested access to the resource/i,
    "there is no such image or tag in the registry",
  ],
  [
    /no such host|dial tcp|connection refused|network is unreachable|i\/o timeout|TLS handshake|name resolution/i,
    "the registry cannot be reached from here: build or load the image on this machine (podman load, docker load) and use imagePullPolicy: Never",
  ],
  [/no space left on device/i, "the disk with the engine's images is full"],
  [
    /executable file .*not found|no such file or directory.*OCI|command that was not found/is,
    "the image has no such program: look at the container's command",
  ],
  [/exec format error/i, "the image, or its program, is for another kind of processor"],
  [/operation not permitted|permission denied/i, "the engine may not do that as the server's user"],
];

/** Characters of what an engine said: it is shown in a status. */
const LONGEST = 600;

/** What an engine said, without its decoration, and what to do where that is known. */
export function explainEngineError(kind: EngineKind, errors: string): string {
  const lines = errors.split("\n").filter((line) => line.trim() !== "");
  const told = lines.filter((line) => !/^WARN|level=warning/.test(line));
  // The reason comes last.
  const text = (told.length > 0 ? told : lines).slice(-3).map(plain).join("; ").slice(-LONGEST) || `${kind} said nothing`;
  const advice = HINTS.find(([said]) => said.test(errors))?.[1];
  return advice === undefined ? text : `${text} (${advice})`;
}

/** `time="…" level=error msg="…"` and `Error: …` without what is around the message. */
function plain(line: string): string {
  const message = /\bmsg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]?.replace(/\\(.)/g, "$1");
  return (message ?? line).trim().replace(/^(?:Error|error|ERROR): /, "");
}
