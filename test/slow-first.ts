import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take long although they are short. A worker that begins one of them last works on it alone. */
const SLOW = ["python-host", "service-changes", "no-process-left", "host-faults", "hostile-input", "custom-models", "clients"].map(
  (name) => `/${name}.test.ts`,
);

/** The slow files first, then the others as vitest has them: by what they took the last time, or by their size. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = SLOW.findIndex((name) => moduleId.endsWith(name));
      return index < 0 ? SLOW.length : index;
    };
    return (await super.sort(files)).sort((one, other) => rank(one) - rank(other));
  }
}
