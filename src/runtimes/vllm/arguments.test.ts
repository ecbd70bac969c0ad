import { describe, expect, it } from "vitest";
import { vllmArguments } from "./arguments.ts";

const BUILT_IN = ["serve", "/mnt/models", "--served-model-name=llama", "--host=127.0.0.1", "--port=8000"];

function mapped(...words: string[]): string {
  return vllmArguments([...BUILT_IN, ...words])
    .arguments.slice(2)
    .filter((word) => !BUILT_IN.includes(word))
    .join(" ");
}

describe("the arguments of vLLM", () => {
  it("are those of the runtime when the service says nothing", () => {
    expect(vllmArguments(BUILT_IN)).toEqual({ arguments: BUILT_IN, servedName: "llama", isRemote: false });
  });

  it.each([
    // KServe's examples of its Hugging Face server with the vLLM backend.
    ["--max_model_len=4096", "--max-model-len=4096"],
    ["--max_length 512", "--max-model-len=512"],
    ["--dtype=half", "--dtype=half"],
    ["--trust_remote_code", "--trust-remote-code"],
    ["--tensor-parallel-size=2", "--tensor-parallel-size=2"],
    ["--gpu-memory-utilization 0.9", "--gpu-memory-utilization 0.9"],
    ["--model_revision=abc --tokenizer_revision=def", "--revision=abc --tokenizer-revision=def"],
    ["--enable-lora --lora-modules sql=/a math=/b", "--enable-lora --lora-modules sql=/a math=/b"],
    ["--task=text_generation", ""],
    ["--task text_embedding", "--runner=pooling"],
    ["--backend=vllm", ""],
    ["--http_port=8080 --enable_docs_url true --disable_log_requests --dtype=auto", "--dtype=auto"],
    // Of two the later one.
    ["--dtype=half --dtype=float", "--dtype=float"],
    ["--dtype half --max_model_len=1 --dtype float", "--max-model-len=1 --dtype float"],
  ])("may be KServe's or vLLM's: %s", (given, expected) => {
    expect(mapped(...given.split(" "))).toBe(expected);
  });

  it.each([
    [["--model_name=chat"], "chat"],
    [["--model_name", "chat"], "chat"],
    [["--served-model-name", "chat", "other"], "chat"],
    [["--served_model_name=chat"], "chat"],
    [[], "llama"],
  ])("name the model: %j", (words, name) => {
    expect(vllmArguments([...BUILT_IN, ...words]).servedName).toBe(name);
  });

  it("name another model, which vLLM fetches when it is on the Hub", () => {
    expect(vllmArguments([...BUILT_IN, "--model_id=meta-llama/Llama-2-7b-chat-hf"])).toMatchObject({
      arguments: ["serve", "meta-llama/Llama-2-7b-chat-hf", ...BUILT_IN.slice(2)],
      isRemote: true,
    });
    expect(vllmArguments(["--model_dir=/models/x"])).toEqual({ arguments: ["serve", "/models/x"], servedName: undefined, isRemote: false });
    expect(vllmArguments([])).toMatchObject({ arguments: ["serve", "/mnt/models"] });
  });

  it.each([
    ["--backend=huggingface", "--backend=huggingface asks for another server"],
    ["--task=fill_mask", "--task=fill_mask is no task of vLLM"],
    ["--task=constructor", "is no task of vLLM"],
    ["--return_probabilities", "--return_probabilities is of KServe's Hugging Face backend"],
    ["--disable_lower_case", "kserve-huggingfaceserver"],
    ["--model_name", "--model_name has no value"],
  ])("are refused where vLLM has nothing like them: %s", (word, message) => {
    expect(() => mapped(word)).toThrow(message);
  });
});
