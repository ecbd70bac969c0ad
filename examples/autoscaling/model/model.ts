import { setTimeout as wait } from "node:timers/promises";
import { defineModel } from "nitrous";

/** One answer at a time, and each takes as long as one of a model that has some work to do. */
export default defineModel({
  inputs: { x: "FP64[1]" },
  outputs: { y: "FP64[1]" },
  example: { inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [1] }] },
  async predict({ x }) {
    await wait(50);
    return { y: x.data };
  },
});
