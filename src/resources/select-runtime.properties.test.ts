import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { ProtocolVersion, ServingRuntime } from "../core/resource.ts";
import { type RuntimeQuestion, selectRuntime } from "./select-runtime.ts";

const RANKS: readonly ProtocolVersion[] = ["v1", "v2", "grpc-v1", "grpc-v2"];

// Few values for everything, so that most runtimes meet in something.
const name = fc.constantFrom("a", "b");
const version = fc.constantFrom("1", "2");
const maybe = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined }).map((got) => (got === undefined ? {} : { [key]: got }));

const supportedFormat = fc
  .tuple(name, fc.boolean(), maybe("version", version), maybe("priority", fc.integer({ min: 1, max: 3 })))
  .map(([format, autoSelect, ...more]) => Object.assign({ name: format, autoSelect }, ...more));

const rarely = fc.integer({ min: 0, max: 7 }).map((number) => number === 0);

const servingRuntime: fc.Arbitrary<ServingRuntime> = fc.record({
  name: fc.constantFrom("k", "l", "m", "n", "o"),
  namespace: fc.constantFrom(undefined, "default", "default", undefined, "other"),
  formats: fc.array(supportedFormat, { maxLength: 3 }),
  protocolVersions: fc.subarray([...RANKS]).chain((protocols) => fc.shuffledSubarray(protocols, { minLength: protocols.length })),
  multiModel: rarely,
  disabled: rarely,
  multiNode: rarely,
  creationTimestamp: fc.constantFrom("1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
  host: fc.constant(undefined),
  image: fc.constant(undefined),
});

const servingRuntimes = fc.uniqueArray(servingRuntime, { maxLength: 12, selector: (runtime) => `${runtime.namespace}/${runtime.name}` });

const question: fc.Arbitrary<RuntimeQuestion> = fc
  .tuple(name, maybe("version", version), maybe("protocolVersion", fc.constantFrom(...RANKS)), rarely)
  .map(([format, more, protocol, multiNode]) => ({
    namespace: "default",
    model: { format: { name: format, ...more }, ...protocol },
    multiNode,
  }));

const named = fc
  .tuple(question, fc.constantFrom("k", "l", "m", "n", "o", "absent"))
  .map(([asked, runtime]): RuntimeQuestion => ({ ...asked, model: { ...asked.model, runtime } }));

const anyQuestion = fc.oneof(question, named);

function isEligible(runtime: ServingRuntime, { model, multiNode }: RuntimeQuestion): boolean {
  const supports = runtime.formats.some(
    (format) =>
      format.name === model.format.name &&
      (model.format.version === undefined || format.version === model.format.version) &&
      (format.autoSelect || model.runtime !== undefined),
  );
  const protocol = model.protocolVersion ?? (model.runtime === undefined ? "v1" : undefined);
  const speaks = protocol === undefined || runtime.protocolVersions.length === 0 || runtime.protocolVersions.includes(protocol);
  const isOfKind = model.runtime !== undefined || (!runtime.multiModel && runtime.multiNode === multiNode);
  return supports && speaks && !runtime.disabled && isOfKind;
}

/** KServe's two sorts, one after the other, in the way that its documentation tells them. */
function inTwoSorts(runtimes: readonly ServingRuntime[], format: string): ServingRuntime[] {
  const rank = ({ protocolVersions }: ServingRuntime) =>
    Math.min(RANKS.length, ...protocolVersions.map((protocol) => RANKS.indexOf(protocol)));
  const priority = ({ formats }: ServingRuntime) => formats.find((entry) => entry.name === format)?.priority ?? 0;
  return runtimes
    .toSorted(
      (left, right) =>
        rank(left) - rank(right) || right.creationTimestamp.localeCompare(left.creationTimestamp) || left.name.localeCompare(right.name),
    )
    .toSorted((left, right) => priority(right) - priority(left));
}

it("chooses what sorting twice chooses, and lists the others that fit in the same order", () => {
  fc.assert(
    fc.property(question, servingRuntimes, (asked, runtimes) => {
      const eligible = runtimes.filter((runtime) => isEligible(runtime, asked));
      const scope = (namespace: string | undefined) =>
        inTwoSorts(
          eligible.filter((runtime) => runtime.namespace === namespace),
          asked.model.format.name,
        );
      const expected = [...scope("default"), ...scope(undefined)];
      const choice = selectRuntime(asked, runtimes);
      expect(choice.runtime).toBe(expected[0]);
      const listed = choice.candidates.slice(0, expected.length).map((candidate) => [candidate.name, candidate.scope]);
      expect(listed).toEqual(expected.map((runtime) => [runtime.name, runtime.namespace === undefined ? "cluster" : "namespace"]));
    }),
    { numRuns: 1000 },
  );
});

it("does not depend on the order of the runtimes", () => {
  const shuffled = servingRuntimes.chain((runtimes) =>
    fc.tuple(fc.constant(runtimes), fc.shuffledSubarray(runtimes, { minLength: runtimes.length })),
  );
  fc.assert(
    fc.property(anyQuestion, shuffled, (asked, [runtimes, others]) => {
      expect(selectRuntime(asked, others)).toEqual(selectRuntime(asked, runtimes));
    }),
  );
});

it("chooses only what is eligible, lists each runtime once, and either chooses one or says why not", () => {
  fc.assert(
    fc.property(anyQuestion, servingRuntimes, (asked, runtimes) => {
      const { runtime, protocolVersion, candidates, failure } = selectRuntime(asked, runtimes);
      const visible = runtimes.filter(({ namespace }) => namespace !== "other");
      expect(candidates.map((candidate) => `${candidate.scope}/${candidate.name}`).sort()).toEqual(
        visible.map((each) => `${each.namespace === undefined ? "cluster" : "namespace"}/${each.name}`).sort(),
      );
      expect(candidates.every(({ reason }) => reason !== "")).toBe(true);
      expect(candidates.filter(({ chosen }) => chosen).map((candidate) => candidate.name)).toEqual(
        runtime === undefined ? [] : [runtime.name],
      );
      expect(failure === undefined).toBe(runtime !== undefined);
      if (runtime === undefined) {
        expect(failure?.message).toMatch(/^(No runtime found to|Specified runtime|Waiting for runtime) /);
        if (asked.model.runtime === undefined) expect(visible.some((each) => isEligible(each, asked))).toBe(false);
      } else {
        expect(isEligible(runtime, asked)).toBe(true);
        expect(runtime.namespace).not.toBe("other");
        if (protocolVersion !== undefined && runtime.protocolVersions.length > 0)
          expect(runtime.protocolVersions).toContain(protocolVersion);
      }
    }),
    { numRuns: 1000 },
  );
});
