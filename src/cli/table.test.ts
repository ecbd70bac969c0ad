import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { plain, renderTable } from "./table.ts";

describe("renderTable", () => {
  it("aligns columns, fills gaps with dashes and ends no line with spaces", () => {
    const rows = [
      ["iris", "", "True"],
      ["a-longer-name", "http://x", { text: "False", style: "red" as const }],
    ];
    expect(renderTable(["NAME", "URL", "READY"], rows, fakeTerminal())).toBe(
      "NAME            URL        READY\niris            -          True\na-longer-name   http://x   False\n",
    );
  });

  it("shows the first line of a text and that there are more", () => {
    expect(renderTable(["A"], [["one\ntwo"]], fakeTerminal())).toBe("A\none …\n");
  });

  it("takes out what moves the cursor or changes colours", () => {
    expect(plain("\u001b[31mred\u001b[0m\rover\u0007 a\tb\r\n")).toBe("redover a    b\n");
  });

  it("paints on a terminal without counting the codes", () => {
    const text = renderTable(["A", "B"], [[{ text: "x", style: "green" }, "y"]], fakeTerminal({ colour: true }));
    expect(text).toContain("\u001b[32mx\u001b[39m");
    expect(stripVTControlCharacters(text)).toBe("A   B\nx   y\n");
  });

  it("cuts at the edge of a terminal and nowhere else", () => {
    const cell = fc.string({ maxLength: 30 });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }), fc.integer({ min: 10, max: 60 }), (rows, width) => {
        const titles = ["ONE", "TWO", "THREE"];
        const cut = renderTable(titles, rows, fakeTerminal({ width })).split("\n");
        const whole = renderTable(titles, rows, fakeTerminal()).split("\n");
        expect(cut.every((line) => [...line].length <= width)).toBe(true);
        expect(cut.length).toBe(whole.length);
        for (const [index, line] of whole.entries()) if ([...line].length < width) expect(cut[index]?.trimEnd()).toBe(line.trimEnd());
      }),
    );
  });
});
