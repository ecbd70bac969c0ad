import { describe, expect, it } from "vitest";
import { fillTemplates } from "./template-fields.ts";

const SERVICE = { name: "iris", namespace: "flowers", labels: { modelDir: "/mnt/{{x}}", "a/b": "1" }, annotations: { kind: "wild" } };

describe("fillTemplates", () => {
  it.each([
    ["--model_name={{.Name}}", "--model_name=iris"],
    ["{{ .Namespace }}/{{.Name}}", "flowers/iris"],
    ["{{.Labels.modelDir}}", "/mnt/{{x}}"],
    ["{{.Annotations.kind}}", "wild"],
    ["{{index .Labels `a/b`}}", "1"],
    ['{{ index .Labels "a/b" }}', "1"],
    ['{{"{{"}} a template of others }}', "{{ a template of others }}"],
    ["no template }}", "no template }}"],
  ])("makes %s %s", (text, filled) => {
    expect(fillTemplates({ args: [text], count: 1 }, SERVICE)).toEqual({ args: [filled], count: 1 });
  });

  it.each([
    ["{{.Nmae}}", /\{\{\.Nmae\}\} is not known; those that are: \{\{\.Name\}\}/],
    ["{{.Labels.other}}", /has no value: the service has no label other; add it to metadata\.labels/],
    ["{{.Annotations.toString}}", /the service has no annotation toString/],
    ["{{if .Name}}x{{end}}", /is not known/],
    ["a {{.Name", /begins a template field that does not end/],
  ])("refuses %s", (text, message) => {
    expect(() => fillTemplates([{ value: text }], SERVICE)).toThrow(message);
  });
});
