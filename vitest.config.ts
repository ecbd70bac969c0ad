import { defineConfig } from "vitest/config";
import { SlowFirst } from "./test/slow-first.ts";

const minutes = 60_000;

export default defineConfig({
  test: {
    pool: "forks",
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "bench/**/*.test.ts", "test/*.test.ts"],
          maxWorkers: "100%",
          // A machine that has other work, too, is no failure.
          testTimeout: minutes / 2,
        },
      },
      // These start real servers and hosts, and make Python environments the first time.
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/*.test.ts"],
          testTimeout: 2 * minutes,
          hookTimeout: 5 * minutes,
          // Much of their time is waiting for processes to start and to end.
          maxWorkers: 2,
        },
      },
      // The frameworks themselves, in environments that take gigabytes the first time.
      {
        extends: true,
        test: {
          name: "frameworks",
          include: ["test/frameworks/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 10 * minutes,
          fileParallelism: false,
        },
      },
      // Servers of others: containers, Triton, TorchServe, and what stands in for those that cannot run here.
      {
        extends: true,
        test: {
          name: "runtimes",
          include: ["test/runtimes/*.test.ts"],
          testTimeout: 3 * minutes,
          hookTimeout: 10 * minutes,
          fileParallelism: false,
        },
      },
      // Kills, and later soak and fuzz.
      {
        extends: true,
        test: {
          name: "long",
          include: ["test/long/*.test.ts"],
          testTimeout: 10 * minutes,
          hookTimeout: 5 * minutes,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["conformance/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 10 * minutes,
          maxWorkers: 2,
        },
      },
    ],
  },
});
