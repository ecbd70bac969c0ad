import { defineModel } from "nitrous";

export default defineModel({
  inputs: { score: "FP32[-1,1]" },
  outputs: { mood: "BYTES[-1,1]" },
  batchable: true,
  predict({ score }) {
    return { mood: Array.from(score.data, (value) => [value > 0 ? "happy" : value < 0 ? "unhappy" : "neutral"]) };
  },
});
