import { isIP } from "node:net";
import { ServeError } from "../core/errors.ts";
import type { HttpHead } from "../core/http.ts";
import type { Target } from "../core/inference.ts";

type Service = Pick<Target, "namespace" | "name">;

export interface HostOptions {
  /** What the server listens on: a name or an address. */
  readonly bound: string;
  /** Names that are the server's too; `*.example.com` is every name that ends in `.example.com`. */
  readonly allowed: readonly string[];
  readonly hasService: (service: Service) => boolean;
  /** The name of the service whose model a name means; each is a service of its own when absent. */
  readonly serviceOf?: (model: Service) => string;
}

const CACHE_ENTRIES = 1024;

/**
 * Against DNS rebinding: a web page whose name begins to mean this machine reaches its ports from a browser, with the page's name in
 * Host. So Host must be a name of this server. Any address will do, since such a page needs a name.
 */
export class Hosts {
  readonly #options: HostOptions;
  readonly #names: ReadonlySet<string>;
  readonly #endings: readonly string[];
  /** Verdicts about Host headers that do not depend on services. */
  readonly #known = new Map<string, boolean>();

  constructor(options: HostOptions) {
    this.#options = options;
    const names = [options.bound, ...options.allowed].map((name) => name.toLowerCase().replace(/\.$/, ""));
    this.#names = new Set(names);
    this.#endings = names.filter((name) => name.startsWith("*.")).map((name) => name.slice(1));
  }

  /**
   * The service that is all that may be reached, when Host is a name of that service only (`NAME-NAMESPACE.anything`, KServe's);
   * undefined when Host is one of this server's own.
   * @throws ServeError PERMISSION_DENIED when it is neither, or a web page of another origin asks
   */
  check({ host, origin }: HttpHead["headers"]): Service | undefined {
    const text = typeof host === "string" ? host : "";
    if (typeof origin === "string") this.#checkOrigin(origin, text);
    // No browser leaves it out.
    if (text === "" || this.#isOwn(text)) return undefined;
    const service = this.#serviceIn(text);
    if (service === undefined) {
      const hint = "the names of a server are localhost, its addresses, and those given with --allowed-host";
      throw new ServeError("PERMISSION_DENIED", `this server is not '${shown(text)}', which the Host header says: ${hint}`);
    }
    // What guessed a service's name could be a page too; it cannot leave this header out when it changes something.
    if (typeof origin === "string" && !this.#isAllowed(hostnameOf(withoutScheme(origin)))) throw foreign(origin);
    return service;
  }

  /** Whether a model is one of the service's. */
  isModelOf({ namespace, name }: Service, model: Service | undefined): boolean {
    if (model === undefined || model.namespace !== namespace) return false;
    return model.name === name || this.#options.serviceOf?.(model) === name;
  }

  #checkOrigin(origin: string, host: string): void {
    const place = withoutScheme(origin);
    if (place !== "" && place.toLowerCase() === host.toLowerCase()) return;
    if (!this.#isAllowed(hostnameOf(place))) throw foreign(origin);
  }

  #isOwn(host: string): boolean {
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const name = hostnameOf(host);
    const own = name !== undefined && (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost") || this.#isAllowed(name));
    if (this.#known.size >= CACHE_ENTRIES) this.#known.clear();
    this.#known.set(host, own);
    return own;
  }

  #isAllowed(name: string | undefined): boolean {
    return name !== undefined && (this.#names.has(name) || this.#endings.some((ending) => name.endsWith(ending) && name !== ending));
  }

  #serviceIn(host: string): Service | undefined {
    if (hostnameOf(host) === undefined) return undefined;
    const [label = "", next] = host.split(".", 2);
    if (next === undefined) return undefined;
    const whole = this.#serviceNamed(label);
    if (whole !== undefined) return whole;
    // TAG-NAME-NAMESPACE.anything and TAG-NAME.NAMESPACE.anything, which address one revision.
    for (let dash = label.indexOf("-", 1); dash > 0; dash = label.indexOf("-", dash + 1)) {
      const rest = label.slice(dash + 1);
      const beside = { name: rest, namespace: next.split(":", 1)[0] as string };
      const service = this.#serviceNamed(rest) ?? (this.#options.hasService(beside) ? beside : undefined);
      if (service !== undefined) return service;
    }
    return undefined;
  }

  /** Names of models and namespaces may have "-" in them, so every one may be where the namespace begins. */
  #serviceNamed(text: string): Service | undefined {
    for (let dash = text.indexOf("-", 1); dash > 0; dash = text.indexOf("-", dash + 1)) {
      const service = { name: text.slice(0, dash), namespace: text.slice(dash + 1) };
      if (this.#options.hasService(service)) return service;
    }
    return undefined;
  }
}

/** In lower case, without the port, brackets and a dot at the end; undefined for what is no name or address. */
function hostnameOf(host: string): string | undefined {
  const [, address, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{0,5})?$/i.exec(host) ?? [];
  return (address ?? name)?.toLowerCase().replace(/\.$/, "");
}

/** Empty for an origin that is opaque. */
function withoutScheme(origin: string): string {
  return /^https?:\/\/(.+)$/i.exec(origin)?.[1] ?? "";
}

function foreign(origin: string): ServeError {
  const text = `web pages of ${shown(origin)} may not use this server; pages of names that are given with --allowed-host may`;
  return new ServeError("PERMISSION_DENIED", text);
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
