import type { ServedRevision } from "../models/index.ts";
import type { Course, Revision, Split } from "./course.ts";

/** A canary that has a name, on its way or at its goal. */
export interface PlacedCanary<Wanted extends Revision> {
  readonly name: string;
  readonly percent: number;
  readonly course: Course<Wanted>;
}

/**
 * What requests for one of the names of a service's models reach: first the revision that is rolled out, then the newest one with its part
 * and the canaries with theirs, as far as they have been able to serve and have such a model. Empty while the first one has no models.
 */
export function servedRevisions<Wanted extends Revision>(
  model: string,
  first: Course<Wanted>,
  target: Course<Wanted> | undefined,
  canaries: readonly PlacedCanary<Wanted>[],
  { percent, versions }: Split<Wanted>,
): ServedRevision[] {
  if (first.models.length === 0) return [];
  const placed = canaries.filter(({ course }) => course.admitted);
  const left = 100 - placed.reduce((sum, canary) => sum + canary.percent, 0);
  const isSplit = target !== undefined && target !== first && target.admitted;
  const share = isSplit ? (left * percent) / 100 : 0;
  return [
    ...byVersion(model, first, [isSplit ? "prev" : "latest"], left - share, versions),
    ...(isSplit ? byVersion(model, target, ["latest"], share, versions) : []),
    ...placed.flatMap(({ name, percent: own, course }) => byVersion(model, course, [name], own, versions)),
  ];
}

/** One of all its versions; or where they are split too, one for each version, and of those the highest with a share first. */
function byVersion(
  model: string,
  { revision, models: all }: Course<Revision>,
  tags: readonly string[],
  percent: number,
  shares: ReadonlyMap<string, number> | undefined,
): ServedRevision[] {
  const models = all.filter(({ spec }) => spec.name === model);
  if (models.length === 0) return [];
  const { name, generation } = revision;
  const whole: ServedRevision = { name, generation, tags: [...new Set([...tags, ...revision.tags])], percent, versions: models };
  if (shares === undefined || models.length === 1) return [whole];
  const shareOf = (version: string): number => shares.get(version) ?? 0;
  const versions = models.map(({ spec }) => spec.version).sort((left, right) => Number(right) - Number(left));
  const main = versions.find((version) => shareOf(version) > 0);
  if (main === undefined) return [whole];
  const others = versions.filter((version) => version !== main);
  return [
    { ...whole, tags: [...whole.tags, `v${main}`], percent: (percent * shareOf(main)) / 100, version: main },
    ...others.map((version): ServedRevision => {
      const share = (percent * shareOf(version)) / 100;
      return { ...whole, name: `${name}-v${version}`, tags: [`v${version}`], percent: share, version };
    }),
  ];
}
