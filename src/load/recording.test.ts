import { expect, it } from "vitest";
import { parseRecording } from "./recording.ts";

const HEADING = '{"nitrousRecording":1,"startedAt":"2026-11-21T10:00:00Z"}';
const read = (...lines: string[]) => parseRecording(lines.join("\n"), "day.jsonl");

it("reads requests in the order of their arrival, with what the client asked for", () => {
  const { startedAt, requests, times } = read(
    HEADING,
    '{"at":20,"method":"POST","path":"/v2/models/iris/infer","headers":{"Content-Type":"application/json"},"text":"{}","outcome":"OK","durationMs":3}',
    '{"at":5,"method":"POST","path":"/v2/models/wine/infer","headers":{},"base64":"AAE=","priority":1,"timeoutMs":50,"outcome":"OK","durationMs":30}',
    "",
  );
  expect(startedAt).toBe("2026-11-21T10:00:00Z");
  expect(times).toEqual([5, 20]);
  expect(requests).toEqual([
    {
      method: "POST",
      path: "/v2/models/wine/infer",
      headers: { "nitrous-priority": "1", "nitrous-timeout": "50" },
      body: Buffer.from([0, 1]),
    },
    { method: "POST", path: "/v2/models/iris/infer", headers: { "content-type": "application/json" }, body: "{}" },
  ]);
});

it("leaves a last line out that was cut off, and no other", () => {
  const whole = '{"at":1,"method":"GET","path":"/v2/models/iris"}';
  expect(read(HEADING, whole, whole.slice(0, 20)).requests).toHaveLength(1);
  expect(read(HEADING, whole, whole).requests).toHaveLength(2);
  expect(() => read(HEADING, whole.slice(0, 20), whole)).toThrow(/^day\.jsonl, line 2: not JSON/);
});

it.each([
  [[""], "day.jsonl, line 1: expected {\"nitrousRecording\":1,…}; 'nitrous serve --record FILE' writes such files"],
  [['{"nitrousRecording":2,"startedAt":""}'], /^day\.jsonl, line 1: nitrousRecording: /],
  [[HEADING], "day.jsonl, line 1: the recording holds no requests"],
  [[HEADING, '{"at":-1,"method":"POST","path":"/"}'], /^day\.jsonl, line 2: at: /],
  [[HEADING, '{"at":1,"method":"POST","path":"v2"}'], /^day\.jsonl, line 2: path: /],
  [[HEADING, "", '{"at":1,"method":"POST","path":"/","base64":"!"}'], /^day\.jsonl, line 3: base64: /],
  [[HEADING, '{"at":1,"method":"POST","path":"/","base64":"","text":""}'], "day.jsonl, line 2: expected text or base64, not both"],
])("says what is wrong and where: %j", (lines, message) => {
  expect(() => read(...lines)).toThrow(message);
});
