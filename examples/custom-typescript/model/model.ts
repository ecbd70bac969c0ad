import { defineMethod, defineModel } from "nitrous";

let most = 3;

export default defineModel({
  settings: { most: 3 },
  load(_directory, settings) {
    most = settings.most;
  },
  methods: {
    count: defineMethod({
      inputs: { text: "BYTES[-1]" },
      outputs: { words: "INT32[-1]", characters: "INT32[-1]" },
      batchable: true,
      example: { instances: ["one two three"] },
      run: ({ text }) => ({
        words: Int32Array.from(text.data, (line) => line.split(" ").length),
        characters: Int32Array.from(text.data, (line) => [...line].length),
      }),
    }),
    first: defineMethod({
      inputs: { text: "BYTES[1]" },
      async *run({ text }) {
        for (const word of text.data.join(" ").split(" ").slice(0, most)) yield [word];
      },
    }),
  },
});
