import { mkdir } from "node:fs/promises";
import type { Keys, RateLimiter } from "../core/access.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import type { RateLimit } from "../core/rate-limit.ts";
import { createGuard, type Guard } from "./guard.ts";
import { type HostOptions, Hosts } from "./hosts.ts";
import { KeyFolder, keyFolderOf } from "./key-folder.ts";
import { KeyRing } from "./key-ring.ts";
import { isLoopback } from "./loopback.ts";
import { createRateLimiter } from "./rate-limits.ts";
import { type Watch, watchDisk } from "./watch.ts";

export interface AccessOptions extends HostOptions {
  readonly stateDirectory: string;
  /** Others may reach a server that has no keys. */
  readonly insecure: boolean;
  /** Somebody may do less than before: what is open for long has to ask again. */
  readonly onNarrowed: () => void;
  /** Told of files that hold no key and of keys that cannot be read. */
  readonly onProblem: (problem: string) => void;
  readonly watch?: Watch;
  /** Lower-case name of the header that names who asks, where no key does. */
  readonly tenantHeader?: string | undefined;
  /** For keys and models that have none of their own. */
  readonly rateLimit?: RateLimit | undefined;
  /** For rates. */
  readonly clock?: Pick<Clock, "now">;
  /** Milliseconds since 1970. */
  readonly wallClock?: () => number;
}

export interface AccessControl {
  readonly guard: Guard;
  readonly limitRate: RateLimiter;
  readonly keys: Keys;
  /** Whether requests need a key now. */
  readonly closed: boolean;
  close(): void;
}

/**
 * Who may do what, by the keys beside the state; changes there count from the moment that they are seen.
 * @throws ServeError FAILED_PRECONDITION when others could reach a server that has no keys, or keys cannot be read
 */
export async function openAccess(options: AccessOptions): Promise<AccessControl> {
  const { stateDirectory, bound, insecure, onNarrowed, onProblem, watch = watchDisk, wallClock = Date.now } = options;
  const path = keyFolderOf(stateDirectory);
  const folder = new KeyFolder(path, wallClock);
  const exposed = !isLoopback(bound) && !insecure;
  const ring = new KeyRing(exposed, wallClock);
  const problems = new Set<string>();

  const load = async (): Promise<boolean> => {
    const { keys, damaged } = await folder.read();
    const narrowed = ring.replace(keys, damaged.length);
    for (const problem of damaged) if (!problems.has(problem)) onProblem(problem);
    problems.clear();
    for (const problem of damaged) problems.add(problem);
    return narrowed;
  };
  // One at a time, so that what was read last is what counts.
  let loading = Promise.resolve();
  const reload = (): Promise<void> => {
    loading = loading
      .catch(() => undefined)
      .then(async () => {
        if (await load()) onNarrowed();
      });
    return loading;
  };

  // So that it can be watched; where it cannot be made, keys are not made either.
  await mkdir(path, { recursive: true, mode: 0o700 }).catch(() => undefined);
  await load();
  if (exposed && (await folder.list()).length === 0) {
    const hint = "make one with 'nitrous keys create NAME --scope admin', or add --insecure if everybody may do everything";
    throw new ServeError("FAILED_PRECONDITION", `${bound} can be reached by others, and there is no key to know them by: ${hint}`);
  }
  const end = watch([path], () => void reload().catch((error: unknown) => onProblem(messageOf(error))));
  return {
    guard: createGuard(new Hosts(options), ring, options.tenantHeader),
    limitRate: createRateLimiter({ ring, usual: options.rateLimit, clock: options.clock ?? systemClock }),
    keys: {
      list: () => folder.list(),
      async create(wish) {
        const created = await folder.create(wish);
        await reload();
        return created;
      },
      async revoke(name) {
        await folder.revoke(name);
        await reload();
      },
    },
    get closed() {
      return ring.closed;
    },
    close: end,
  };
}
