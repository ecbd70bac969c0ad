import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeControlApi } from "../../test/fake-control-api.ts";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { clusterRuntime, event, FAILED, service, trainedModel } from "../../test/kserve-objects.ts";
import { createClient } from "./client.ts";
import { describeCommand } from "./describe.ts";

let api: FakeControlApi;
beforeEach(async () => {
  api = await FakeControlApi.start();
});
afterEach(() => api.close());

async function describeText(...words: string[]): Promise<string> {
  const terminal = fakeTerminal();
  await describeCommand(words, { namespace: "default" }, createClient(api.url), terminal);
  return terminal.out();
}

describe("describe", () => {
  it("tells a stranger why a model failed and what to do", async () => {
    const nitrous = {
      candidates: [
        { name: "kserve-sklearnserver", scope: "cluster", chosen: true, reason: "is the only one that fits" },
        { name: "kserve-xgbserver", scope: "cluster", chosen: false, reason: "does not support sklearn" },
      ],
      notInEffect: ["spec.predictor.containerConcurrency"],
      warnings: ["made with an older scikit-learn"],
      versions: [{ version: 1, state: "failed", reason: "cannot be read" }],
    };
    api.put(
      service("iris", {
        metadata: { labels: { team: "a", tier: "test" }, annotations: { "nitrous/applied-from": "/models/all of them" }, generation: 2 },
        status: { observedGeneration: 2, ...FAILED, nitrous },
      }),
    );
    api.events = [
      event("iris", "Applied", "generation 2"),
      event("iris", "LoadFailed", "the pickle was made\nelsewhere", "Warning"),
      event("wine", "Ready", ""),
    ];
    expect(await describeText("iris")).toMatchInlineSnapshot(`
      "Name:         iris
      Namespace:    default
      Kind:         InferenceService (serving.kserve.io/v1beta1)
      Labels:       team=a
                    tier=test
      Annotations:  nitrous/applied-from=/models/all of them
      Created:      2026-01-01T00:00:00Z (5m ago)
      Generation:   2
      Format:       sklearn:1
      Source:       file:///models/iris
      Runtime:      kserve-sklearnserver (ClusterServingRuntime)
      URL:          http://127.0.0.1:8080/serving/default/iris
      Ready:        False
      State:        FailedToLoad
      Copies:       1, and 1 failed

      Failure
        Reason:     ModelLoadFailed
        When:       2026-01-01T00:01:00Z (4m ago)
        Exit code:  1
          the pickle was made with scikit-learn 2.0
          Last lines of the log:
            ModuleNotFoundError: no module named 'sklearn.new'

      What to do next
        - put right what the message names, and apply it again: nitrous apply -f '/models/all of them'
        - read what its processes printed: nitrous logs iris

      Conditions
        TYPE             STATUS   SINCE   REASON              MESSAGE
        PredictorReady   False    4m      ModelLoadFailed     -
        Ready            False    4m      PredictorNotReady   -

      Versions
        VERSION   STATE    REASON
        1         failed   cannot be read

      Runtimes looked at
        ✓ kserve-sklearnserver (cluster): is the only one that fits
        ✗ kserve-xgbserver (cluster): does not support sklearn

      Fields that change nothing here
        - spec.predictor.containerConcurrency

      Warnings
        ! made with an older scikit-learn

      Events
        AGE   TYPE      REASON       MESSAGE
        4m    Normal    Applied      generation 2
        4m    Warning   LoadFailed   the pickle was made …
      "
    `);
  });

  it("says how a ready model is asked, and keeps quiet about what is not there", async () => {
    api.put(service("iris"));
    expect(await describeText("isvc", "iris")).toMatchInlineSnapshot(`
      "Name:        iris
      Namespace:   default
      Kind:        InferenceService (serving.kserve.io/v1beta1)
      Created:     2026-01-01T00:00:00Z (5m ago)
      Generation:  1
      Format:      sklearn:1
      Source:      file:///models/iris
      Runtime:     kserve-sklearnserver (ClusterServingRuntime)
      URL:         http://127.0.0.1:8080/serving/default/iris
      Ready:       True
      State:       Loaded

      What to do next
        - send it a request: nitrous infer iris

      Conditions
        TYPE    STATUS   SINCE   REASON   MESSAGE
        Ready   True     4m      -        -
      "
    `);
  });

  it("describes a runtime, and several things one after another", async () => {
    api.put(clusterRuntime("kserve-sklearnserver"));
    api.put(service("iris"));
    const text = await describeText("csr/kserve-sklearnserver", "isvc/iris");
    expect(text.split("\n\nName:")).toHaveLength(2);
    expect(await describeText("csr", "kserve-sklearnserver")).toMatchInlineSnapshot(`
      "Name:         kserve-sklearnserver
      Kind:         ClusterServingRuntime (serving.kserve.io/v1alpha1)
      Annotations:  nitrous/host=python
      Disabled:     no
      Protocols:    v1, v2
      Runs in:      this server's Python host
      Image:        nitrous

      Formats
        FORMAT      CHOSEN BY ITSELF   PRIORITY
        sklearn:1   yes                1
        xgboost:1   only by name       -
        xgboost:2   yes                -
      "
    `);
  });

  it.each([
    ["NoSupportingRuntime", "change modelFormat, its version or protocolVersion"],
    ["RuntimeNotRecognized", "name a runtime that exists"],
    ["RuntimeDisabled", "remove disabled: true"],
    ["InvalidPredictorSpec", "correct what the message names"],
    ["RuntimeUnhealthy", "nitrous logs iris"],
    ["SomethingNew", "nitrous logs iris"],
  ])("has a next step after %s", async (reason, step) => {
    const modelStatus = { ...FAILED.modelStatus, lastFailureInfo: { reason } };
    api.put(
      service("iris", {
        status: { ...FAILED, modelStatus, nitrous: { retry: "tried again 5 s after attempt 2", versions: [{ version: 1 }] } },
      }),
    );
    const text = await describeText("iris");
    expect(text).toContain(step);
    expect(text).toContain("it is tried again 5 s after attempt 2; that may be enough");
  });

  it("says whose server holds a TrainedModel, and why it does not", async () => {
    api.put(trainedModel("m1", { status: "False", reason: "IsNotMMSPredictor", message: "the runtime holds one model" }));
    const text = await describeText("tm", "m1");
    expect(text).toMatch(/^In the server of: +holder \(InferenceService\)$/m);
    expect(text).toMatch(/^Source: +file:\/\/\/models\/m1$/m);
    expect(text).toMatch(/^Why not: +IsNotMMSPredictor: the runtime holds one model$/m);
    expect(text).toMatch(/^ +Ready +False .*the runtime holds one model$/m);
  });

  it("needs a name", async () => {
    await expect(describeText("csr")).rejects.toThrow("describe needs the name of one; 'nitrous get csr' lists them");
  });
});
