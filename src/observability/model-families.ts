import type { Clock } from "../core/clock.ts";
import type { ControlPlane } from "../core/planes.ts";
import type { Family } from "./families.ts";

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
      name: "nitrous_queue_requests",
      help: "Requests that wait for a replica of a model version.",
      type: "gauge",
      *samples() {
        for (const { namespace, name, version, queued } of controlPlane.list())
          yield { labels: { namespace, model: name, version }, value: queued };
      },
    },
    {
      name: "nitrous_queue_oldest_wait_seconds",
      help: "Time that the longest waiting of them has waited; 0 when none waits.",
      type: "gauge",
      *samples() {
        const now = clock.now();
        for (const { namespace, name, version, queuedSince = now } of controlPlane.list())
          yield { labels: { namespace, model: name, version }, value: (now - queuedSince) / 1000 };
      },
    },
    {
      name: "nitrous_replicas",
      help: "Replicas of a model version by state.",
      type: "gauge",
      *samples() {
        for (const { namespace, name, version, replicas } of controlPlane.list())
          for (const state of ["ready", "starting", "leaving"] as const)
            yield { labels: { namespace, model: name, version, state }, value: replicas[state] };
      },
    },
    {
      name: "nitrous_desired_replicas",
      help: "Replicas that a model version should have now.",
      type: "gauge",
      *samples() {
        for (const { namespace, name, version, replicas } of controlPlane.list())
          yield { labels: { namespace, model: name, version }, value: replicas.wanted };
      },
    },
    {
      name: "nitrous_host_exits_total",
      help: "Host processes that ended, or were ended, while a model version was served from them.",
      type: "counter",
      *samples() {
        for (const { namespace, name, version, hostExits } of controlPlane.list())
          yield { labels: { namespace, model: name, version }, value: hostExits };
      },
    },
    {
      name: "nitrous_quarantined_requests",
      help: "Requests that a model version refuses because each was alone in its host at two deaths of it.",
      type: "gauge",
      *samples() {
        for (const { namespace, name, version, quarantined } of controlPlane.list())
          if (quarantined > 0) yield { labels: { namespace, model: name, version }, value: quarantined };
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
