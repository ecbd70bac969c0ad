import { isBlocked, type ServiceStatus } from "./service-status.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Which revisions get how many of the requests; empty where there is no choice. */
export function trafficTable({ components, canaryStatuses }: ServiceStatus, terminal: Terminal): string {
  const { traffic } = components.predictor;
  const waiting = canaryStatuses.filter(({ ready }) => !ready);
  if (traffic.length < 2 && waiting.length === 0) return "";
  const rows = traffic.map(({ revisionName, percent = 0, tag = "" }) => [revisionName, tag, `${percent} %`, ""]);
  const others = waiting.map(({ name, trafficPercent = 0, modelStatus }) => {
    const why = modelStatus.lastFailureInfo?.message ?? modelStatus.states?.targetModelState ?? "";
    return ["", name, "0 %", `is to get ${trafficPercent} %: ${why}`];
  });
  return renderTable(["REVISION", "TAG", "REQUESTS", "REASON"], [...rows, ...others], terminal, { indent: 2 });
}

/** What can be done with a revision that has a part of the requests. */
export function trafficSteps(name: string, status: ServiceStatus): string[] {
  const { traffic } = status.components.predictor;
  if (traffic.length < 2 || isBlocked(status)) return [];
  return [
    `ask one revision: the header 'nitrous-revision: ${traffic[1]?.revisionName}', or its tag`,
    `give it everything or take it back: nitrous rollout promote ${name}, nitrous rollout undo ${name}`,
  ];
}
