import { type Attack, get, post, SERVICES } from "./attack.ts";

const NAMES: Readonly<Record<string, string>> = {
  "a NUL": "typed%00",
  "a line break": "typed%0d%0aX-Injected:%201",
  "an encoded slash": "..%2ftyped",
  "a doubly encoded slash": "..%252f..%252ftyped",
  "encoded dots": "%2e%2e",
  "dots of Unicode": "%e2%80%a5%2ftyped",
  "a backslash": "..%5ctyped",
  "letters of Unicode that look like others": "typ%d0%b5d",
  "a right-to-left mark": "typed%e2%80%ae",
  "an encoding that is cut off": "typed%e2%80",
  "a percent sign alone": "typed%zz",
  "a space": "typed%20",
  __proto__: "__proto__",
  constructor: "constructor",
  "200 characters": "x".repeat(200),
};

/** Names of models, versions, namespaces and resources, wherever a request may have one. */
export const NAME_ATTACKS: readonly Attack[] = [
  ...Object.entries(NAMES).flatMap(([what, name]): Attack[] => [
    { name: `a V2 model name with ${what}`, status: 404, send: get(`/v2/models/${name}/ready`) },
    { name: `a V1 model name with ${what}`, status: 404, send: post(`/v1/models/${name}:predict`, '{"instances":[1]}') },
    { name: `a version with ${what}`, status: 404, send: get(`/v2/models/typed/versions/${name}`) },
    { name: `a namespace in the path with ${what}`, status: 404, send: get(`/serving/${name}/typed/v2/models/typed`) },
    { name: `an operator's question about ${what}`, status: 404, send: get(`/nitrous/models/${name}`) },
  ]),
  ...["a/../b", "%00", "ä", "x".repeat(200), "__proto__"].map(
    (name): Attack => ({
      name: `a namespace header with ${name.slice(0, 10)}`,
      status: 404,
      send: get("/v2/models/typed", { "nitrous-namespace": name }),
    }),
  ),
  {
    name: "the Host of a service that is not there",
    status: 403,
    send: get("/v2/models/typed", { Host: "typed-elsewhere.example.com" }),
  },
  { name: "a version with leading zeros", status: 404, send: get("/v2/models/typed/versions/01") },
  { name: "a version beyond 64 bits", status: 404, send: get("/v2/models/typed/versions/99999999999999999999") },
  ...["..%2f..%2fetc%2fpasswd", "%00", "UPPER", "x".repeat(300), "__proto__"].flatMap((name): Attack[] => [
    { name: `a resource's name ${name.slice(0, 12)}`, status: 400, body: "Status", send: get(`${SERVICES}/${name}`) },
    {
      name: `a namespace of the control API ${name.slice(0, 12)}`,
      status: 400,
      body: "Status",
      send: get(`${SERVICES.replace("default", name)}`),
    },
    // A model that is not of an InferenceService may be called so.
    {
      name: `logs of ${name.slice(0, 12)}`,
      status: name === "UPPER" ? 404 : 400,
      body: "Status",
      send: get(`/nitrous/namespaces/default/models/${name}/logs`),
    },
  ]),
  {
    name: "a label selector that takes an exponential time to refuse",
    status: 400,
    body: "Status",
    send: get(`${SERVICES}?labelSelector=${encodeURIComponent(`a in (${", ".repeat(60)}!)`)}`),
  },
  { name: "a label selector of commas", status: 400, body: "Status", send: get(`${SERVICES}?labelSelector=${",".repeat(12_000)}`) },
  { name: "a field selector for __proto__", status: 400, body: "Status", send: get(`${SERVICES}?fieldSelector=__proto__%3Da`) },
  {
    name: "a merge patch with __proto__ for a service that is not there",
    status: 404,
    body: "Status",
    send: post(`${SERVICES}/nope`, '{"__proto__":{"polluted":1}}', { "Content-Type": "application/merge-patch+json" }, "PATCH"),
  },
  {
    name: "YAML whose aliases multiply",
    status: 422,
    body: "Status",
    send: post(
      SERVICES,
      `a: &a [${"x,".repeat(9)}x]\n${[..."bcdefghi"].map((letter, index) => `${letter}: &${letter} [${`*${"abcdefgh"[index]},`.repeat(9)}*${"abcdefgh"[index]}]`).join("\n")}\n`,
      { "Content-Type": "application/yaml" },
    ),
  },
  { name: "a body in an unknown format", status: 415, body: "Status", send: post(SERVICES, "<a/>", { "Content-Type": "text/xml" }) },
];
