import type { Clock } from "../core/clock.ts";
import type { ModelStatus } from "../core/model.ts";
import type { ControlPlane } from "../core/planes.ts";
import type { Family, Labels } from "./families.ts";

/** What is known of models: their states, their queues and their hosts. */
export function modelFamilies(controlPlane: ControlPlane, clock: Clock): Family[] {
  return [
    {
      name: "nitrous_models",
      help: "Model versions by state.",
      type: "gauge",
      *samples() {
        const counts = new Map<string, number>();
        for (const { state } of controlPlane.list()) counts.set(state, (counts.get(state) ?? 0) + 1);
        for (const [state, value] of counts) yield { labels: { state }, value };
      },
    },
    {
      name: "nitrous_revision_traffic_percent",
      help: "Percent of the requests of a model that each of its revisions gets, while there are several.",
      type: "gauge",
      *samples() {
        const shares = new Map<string, { labels: Labels; value: number }>();
        for (const { namespace, name, revision, traffic } of controlPlane.list()) {
          if (revision !== undefined && traffic !== 100)
            shares.set(`${namespace}/${revision}`, { labels: { namespace, model: name, revision }, value: traffic });
        }
        yield* shares.values();
      },
    },
    {
      name: "nitrous_queue_requests",
      help: "Requests that wait for a replica of a model version.",
      type: "gauge",
      *samples() {
        for (const status of controlPlane.list()) yield { labels: labelsOf(status), value: status.queued };
      },
    },
    {
      name: "nitrous_queue_oldest_wait_seconds",
      help: "Time that the longest waiting of them has waited; 0 when none waits.",
      type: "gauge",
      *samples() {
        const now = clock.now();
        for (const status of controlPlane.list()) yield { labels: labelsOf(status), value: (now - (status.queuedSince ?? now)) / 1000 };
      },
    },
    {
      name: "nitrous_replicas",
      help: "Replicas of a model version by state.",
      type: "gauge",
      *samples() {
        for (const status of controlPlane.list())
          for (const state of ["ready", "starting", "leaving"] as const)
            yield { labels: { ...labelsOf(status), state }, value: status.replicas[state] };
      },
    },
    {
      name: "nitrous_desired_replicas",
      help: "Replicas that a model version should have now.",
      type: "gauge",
      *samples() {
        for (const status of controlPlane.list()) yield { labels: labelsOf(status), value: status.replicas.wanted };
      },
    },
    {
      name: "nitrous_host_exits_total",
      help: "Host processes that ended, or were ended, while a model version was served from them.",
      type: "counter",
      *samples() {
        for (const status of controlPlane.list()) yield { labels: labelsOf(status), value: status.hostExits };
      },
    },
    {
      name: "nitrous_quarantined_requests",
      help: "Requests that a model version refuses because each was alone in its host at two deaths of it.",
      type: "gauge",
      *samples() {
        for (const status of controlPlane.list()) if (status.quarantined > 0) yield { labels: labelsOf(status), value: status.quarantined };
      },
    },
    {
      name: "nitrous_host_memory_bytes",
      help: "Resident memory of each host process, shared pages counted proportionally, measured every few seconds.",
      type: "gauge",
      *samples() {
        for (const { namespace, name, version, hostPids, hostBytes } of controlPlane.list()) {
          for (const [index, pid] of hostPids.entries())
            yield { labels: { namespace, model: name, version, pid: String(pid) }, value: hostBytes[index] ?? 0 };
        }
      },
    },
  ];
}

/** Two revisions may have the same version at the same time: then each says which it is of. */
function labelsOf({ namespace, name, version, revision, traffic }: ModelStatus): Labels {
  return { namespace, model: name, version, ...(revision === undefined || traffic === 100 ? {} : { revision }) };
}
