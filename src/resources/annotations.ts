/** Annotations of InferenceServices that this server reads. */
export const ANNOTATIONS = {
  /** "true": nothing runs, the resource stays (KServe's own). */
  stop: "serving.kserve.io/stop",
  /** "exact": serve with the framework version that the artefact records or not at all. */
  frameworkVersion: "nitrous/framework-version",
  /** "pickle", "code" (the model's own Python or TypeScript, and pickles) or "sha256:HEX" (whatever is in that file) may run. */
  trust: "nitrous/trust",
  /** Expected SHA-256 of the file at storageUri, hex. */
  sha256: "nitrous/sha256",
  /** Absolute folder that relative paths begin at: a storageUri, the path of a hostPath, a file of requirements. */
  baseDirectory: "nitrous/base-directory",
  /** The file or folder that it was applied from, for pruning. */
  appliedFrom: "nitrous/applied-from",
  /** 1 to 5, 1 is served first. */
  priority: "nitrous/priority",
  /** "true": a request may be carried out twice. */
  idempotent: "nitrous/idempotent",
  /** "false": a request is not given to another replica when its host has died. */
  retry: "nitrous/retry",
  /** Percentile of the latency after which a second replica is asked too, such as "p95". */
  hedge: "nitrous/hedge",
  /** Rows to which batches are cut, such as "8,32". */
  preferredBatchSizes: "nitrous/preferred-batch-sizes",
  /** What of the machine's named resources one call holds, such as "gpu=1,licence=2". */
  executionResources: "nitrous/execution-resources",
  /** "true": loaded at once, and never evicted for another model. */
  pin: "nitrous/pin",
  /** Time without a request after which a model that is not pinned is unloaded, such as "5m". */
  idleTimeout: "nitrous/idle-timeout",
  /** "cpu", "cuda" (one GPU, whichever) or the number of a GPU. */
  device: "nitrous/device",
  /** "true": equal requests have equal answers, which are kept. */
  responseCache: "nitrous/response-cache",
  /** Requests of one key, such as "100/s burst 200". */
  rateLimit: "nitrous/rate-limit",
  /** "true": loaded again when its files change; "false": not even with --watch. */
  watch: "nitrous/watch",
  /** Where copies of requests go besides, "service/NAME" or "revision/NAME"; of which part of them; and which difference of two numbers is none. */
  shadow: "nitrous/shadow",
  shadowPercent: "nitrous/shadow-percent",
  shadowTolerance: "nitrous/shadow-tolerance",
  /** Percent of the requests for each version of a folder, such as "1=10,2=90"; without it the highest one answers. */
  traffic: "nitrous/traffic",
  /** The header whose value decides which revision answers, besides `nitrous-affinity`. */
  affinityHeader: "nitrous/affinity-header",
  /** Of services and of runtimes: a server elsewhere answers, such as "http://10.0.0.5:8080". */
  url: "nitrous/url",
  /** Of both: a requirements.txt; a server that runs as a process has its packages, and `python` is that of their environment. */
  requirements: "nitrous/requirements",
  /** Of both: whether a server of a runtime's own runs as "process" or as "container". */
  runAs: "nitrous/run-as",
  /** Of both: "host" for the ports of this machine, "private" for ports of its own. */
  network: "nitrous/network",
  /** Of both: "true" when requests may share a call of the server. */
  batch: "nitrous/batch",
  /** Of both: "true" when the server has OpenAI's routes too. */
  openai: "nitrous/openai",
  /** Of both: what the server speaks, such as "v2,grpc-v2", where nothing else says it. */
  protocols: "nitrous/protocols",
  /** Of both: what the server calls the model. */
  modelName: "nitrous/model-name",
  /** Of built-in runtimes: the program that they run, by its name in `nitrous runtimes install`. */
  program: "nitrous/program",
} as const;
