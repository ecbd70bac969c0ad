/** A request whose answer is a success, or the status that is named; in their order, on a server with the example iris-onnx. */
export interface GoodRequest {
  readonly operation: string;
  /** Instead of those that most have. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** With its question mark. */
  readonly query?: string;
  /** A text as it is, anything else as JSON. */
  readonly body?: string | object;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
}

const V2_ROW = { inputs: [{ name: "features", datatype: "FP32", shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }] };
const V1_ROW = { instances: [[5.1, 3.5, 1.4, 0.2]] };
const GENERATE = { features: [5.1, 3.5, 1.4, 0.2], id: "7" };
const CALL = { inputs: { features: [[5.1, 3.5, 1.4, 0.2]] } };
/** Stands for the name of the first event that there is. */
export const EVENT = "an event";

/** A file of 64 bytes in shared memory. */
export const REGION_KEY = "/nitrous-openapi";
const REGION = { key: REGION_KEY, offset: 0, byte_size: 64 };

const SERVICE = {
  apiVersion: "serving.kserve.io/v1beta1",
  kind: "InferenceService",
  metadata: { name: "described" },
  spec: { predictor: { model: { modelFormat: { name: "onnx" }, storageUri: "file:///nothing.onnx" } } },
};
const RUNTIME = {
  apiVersion: "serving.kserve.io/v1alpha1",
  kind: "ClusterServingRuntime",
  metadata: { name: "described" },
  spec: { supportedModelFormats: [{ name: "onnx" }], containers: [{ name: "kserve-container", image: "nitrous" }] },
};
const KIND = { group: "serving.kserve.io", version: "v1beta1", plural: "inferenceservices", name: "described" };
const CLUSTER_KIND = { group: "serving.kserve.io", version: "v1alpha1", plural: "clusterservingruntimes", name: "described" };
const NAMESPACED = "/apis/{group}/{version}/namespaces/{namespace}/{plural}";
const CLUSTER = "/apis/{group}/{version}/{plural}";
const TABLE = { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io" };
const MERGE = { "Content-Type": "application/merge-patch+json" };

const each = (method: string, paths: readonly string[], more: Omit<GoodRequest, "operation"> = {}): GoodRequest[] =>
  paths.map((path) => ({ operation: `${method} ${path}`, ...more }));
const ofModel = (prefix: string, suffix: string): string[] => [
  `${prefix}/{model}${suffix}`,
  `${prefix}/{model}/versions/{version}${suffix}`,
];
const v2 = (suffix: string): string[] => ofModel("/v2/models", suffix);
const own = (suffix: string): string[] => ofModel("/nitrous/models", suffix);
const torch = (path: string): string[] => [path, `${path}/{version}`];

const server: GoodRequest[] = each("GET", [
  "/",
  "/health/live",
  "/health/ready",
  "/openapi.json",
  "/metrics",
  "/nitrous/top",
  "/nitrous/shadows",
  "/ping",
  "/v2",
  "/v2/health/live",
  "/v2/health/ready",
  "/v1/models",
  "/v2/models",
  "/models",
]);

const inference: GoodRequest[] = [
  ...each("POST", [...ofModel("/v1/models", ":predict"), ...ofModel("/v1/models", ":{method}")], { body: V1_ROW }),
  ...each("POST", ["/v1/models/{model}:predict"], {
    body: V1_ROW,
    headers: { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "test", "ce-type": "test" },
  }),
  ...each("POST", [...v2("/infer"), ...v2("/methods/{method}/infer")], { body: V2_ROW }),
  ...each("POST", ["/v2/models/{model}/infer"], { body: { ...V2_ROW, parameters: { binary_data_output: true } } }),
  ...each("POST", [...v2("/generate"), ...v2("/generate_stream")], { body: GENERATE }),
  ...each("POST", ["/invocations", ...ofModel("/v1/models", "/invocations")], { body: V1_ROW }),
  ...each("POST", [...torch("/predictions/{model}"), ...torch("/explanations/{model}")].slice(0, 2), { body: V1_ROW }),
  ...each("PUT", torch("/predictions/{model}"), { body: V1_ROW }),
  // The model does not explain itself.
  ...each("POST", torch("/explanations/{model}"), { body: V1_ROW, status: 404 }),
  ...each("PUT", torch("/explanations/{model}"), { body: V1_ROW, status: 404 }),
  ...each("POST", [...own("/run"), ...own("/stream"), ...own("/submit")].slice(0, 4), { body: CALL }),
  ...each("POST", own("/submit"), { body: CALL, status: 202 }),
  ...each("GET", ["/nitrous/futures/{id}"], { query: "?wait=5000" }),
  ...each("DELETE", ["/nitrous/futures/{id}"]),
];

const CHAT = { model: "iris-onnx", messages: [{ role: "user", content: "Hello." }] };
/** The model does not speak it; conformance/openai.test.ts has one that does. */
const openAi: GoodRequest[] = [
  ...each("GET", ["/openai/v1/models"]),
  ...each("GET", ["/openai/v1/models/{model}"], { status: 404 }),
  ...["/openai/v1", "/v1"].flatMap((base) =>
    each(
      "POST",
      [
        ...["/chat/completions", "/completions", "/responses", "/embeddings", "/moderations", "/rerank", "/score"],
        ...["/audio/speech", "/audio/transcriptions", "/audio/translations", "/images/generations", "/images/edits"],
      ].map((path) => `${base}${path}`),
      { body: CHAT, status: 400 },
    ),
  ),
];

const models: GoodRequest[] = [
  ...each("GET", [...ofModel("/v1/models", ""), ...ofModel("/v1/models", "/metadata")]),
  ...each("GET", [...v2(""), ...v2("/ready"), ...v2("/config"), ...v2("/stats"), ...v2("/methods/{method}"), "/v2/models/stats"]),
  ...each("GET", [...own(""), ...own("/status"), ...torch("/models/{model}")]),
  ...each("POST", own("/evict")),
  ...each("GET", v2("/ready")),
  ...each("POST", own("/load")),
  ...each("POST", own("/scale"), { body: { replicas: 1 } }),
  ...each("POST", own("/scale"), { body: { replicas: "auto" } }),
  ...each("POST", own("/drain")),
  ...each("GET", [...v2("/ready"), ...ofModel("/v1/models", "")], { status: 503 }),
  ...each("GET", ["/health/ready", "/v2/health/ready"], { status: 503 }),
  ...each("POST", own("/load")),
  ...each("PUT", torch("/models/{model}"), { query: "?min_worker=1&synchronous=true" }),
  ...each("PUT", ["/models/{model}/{version}/set-default"]),
];

const extensions: GoodRequest[] = [
  ...each("GET", ["/v2/logging", "/v2/trace/setting", "/v2/models/{model}/trace/setting"]),
  ...each("POST", ["/v2/logging"], { body: { log_verbose_level: 0 } }),
  ...each("POST", ["/v2/trace/setting", "/v2/models/{model}/trace/setting"], { body: { trace_rate: "10" } }),
  ...each("POST", ["/v2/repository/index"]),
  ...each("GET", ["/v2/repository/models"]),
  ...each("POST", ofModel("/v2/repository/models", "/unload")),
  ...each("POST", ofModel("/v2/repository/models", "/load")),
  ...each("POST", ["/v2/repository/{repository}/index"], { parameters: { repository: "any" } }),
  // Only the longer path names the region.
  ...each("POST", ["/v2/systemsharedmemory/register"], { body: REGION, status: 400 }),
  ...each("POST", ["/v2/systemsharedmemory/region/{region}/register"], { body: REGION }),
  ...each("GET", ["/v2/systemsharedmemory/status", "/v2/cudasharedmemory/status", "/v2/systemsharedmemory/region/{region}/status"]),
  // There never is one.
  ...each("GET", ["/v2/cudasharedmemory/region/{region}/status"], { status: 404 }),
  ...each("POST", ["/v2/systemsharedmemory/unregister", "/v2/cudasharedmemory/unregister"]),
  ...each("POST", ["/v2/systemsharedmemory/region/{region}/unregister", "/v2/cudasharedmemory/region/{region}/unregister"]),
];

const control: GoodRequest[] = [
  ...each("GET", ["/version", "/version/", "/api", "/api/", "/api/v1", "/apis", "/apis/", "/openapi/v2", "/openapi/v3"]),
  ...each("GET", ["/apis/{group}", "/apis/{group}/{version}", "/openapi/v3/apis/{group}/{version}"], { parameters: KIND }),
  ...each("POST", [NAMESPACED], { parameters: KIND, body: SERVICE, status: 201 }),
  ...each("GET", [NAMESPACED, CLUSTER, `${NAMESPACED}/{name}`, `${NAMESPACED}/{name}/{subresource}`], {
    parameters: { ...KIND, subresource: "status" },
  }),
  ...each("GET", [NAMESPACED, `${NAMESPACED}/{name}`, "/api/v1/events", "/api/v1/namespaces"], { parameters: KIND, headers: TABLE }),
  ...each("GET", [NAMESPACED, "/api/v1/events"], { parameters: KIND, query: "?watch=true&timeoutSeconds=1" }),
  ...each("PATCH", [`${NAMESPACED}/{name}`], { parameters: KIND, headers: MERGE, body: { metadata: { labels: { a: "b" } } } }),
  ...each("GET", ["/nitrous/namespaces/{namespace}/inferenceservices/{name}/revisions"], { parameters: KIND }),
  ...each("PUT", [`${NAMESPACED}/{name}`], { parameters: KIND, body: SERVICE }),
  ...each("DELETE", [`${NAMESPACED}/{name}`], { parameters: KIND }),
  ...each("POST", ["/models"], { query: "?url=file:///nothing.mar&model_name=described" }),
  ...each("DELETE", ["/models/{model}"], { parameters: { model: "described" } }),
  ...each("DELETE", ["/models/{model}/{version}"], { parameters: { model: "described" }, status: 404 }),
  ...each("POST", [CLUSTER], { parameters: CLUSTER_KIND, body: RUNTIME, status: 201 }),
  ...each("GET", [`${CLUSTER}/{name}`, `${CLUSTER}/{name}/{subresource}`], { parameters: { ...CLUSTER_KIND, subresource: "status" } }),
  ...each("PATCH", [`${CLUSTER}/{name}`], { parameters: CLUSTER_KIND, headers: MERGE, body: { metadata: { labels: { a: "b" } } } }),
  ...each("PUT", [`${CLUSTER}/{name}`], { parameters: CLUSTER_KIND, body: RUNTIME }),
  ...each("DELETE", [`${CLUSTER}/{name}`], { parameters: CLUSTER_KIND }),
  ...each("GET", ["/api/v1/namespaces", "/api/v1/events", "/api/v1/namespaces/{namespace}/events"]),
  ...each("GET", ["/api/v1/namespaces/{namespace}/events/{name}"], { parameters: { name: EVENT } }),
  ...each("GET", ["/api/v1/namespaces/{name}"], { parameters: { name: "default" } }),
  ...each("GET", ["/nitrous/namespaces/{namespace}/models/{name}/logs"], { parameters: { name: "iris-onnx" } }),
  // From the first key on, one is needed.
  ...each("POST", ["/nitrous/keys"], { body: { name: "described", scopes: ["admin"] }, status: 201 }),
  ...each("GET", ["/nitrous/keys"]),
  ...each("DELETE", ["/nitrous/keys/{name}"], { parameters: { name: "described" } }),
];

export const GOOD_REQUESTS: readonly GoodRequest[] = [...server, ...inference, ...openAi, ...models, ...extensions, ...control];
