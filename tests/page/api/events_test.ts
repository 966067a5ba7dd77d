import { deepEqual } from "node:assert/strict";
import { EventParser } from "../../../src/page/api/events.ts";

const TEXT = `event: data\ndata:[1]\nid:x\n\n:\n\nevent: control\ndata: {"a":1}\n\n` +
  `event: data\ndata:two\ndata:  lines\n\n`;
const EVENTS = [["data", "[1]"], ["control", `{"a":1}`], ["data", "two", " lines"]];

Deno.test("events are the same however their bytes are cut", () => {
  const bytes = new TextEncoder().encode(TEXT);
  for (const size of [1, 2, 7, bytes.length]) {
    const parser = new EventParser();
    const events: string[][] = [];
    for (let at = 0; at < bytes.length; at += size) {
      for (const { type, data } of parser.push(bytes.subarray(at, at + size))) {
        events.push([type, ...data.map((line) => new TextDecoder().decode(line))]);
      }
    }
    deepEqual(events, EVENTS, `cut every ${size} bytes`);
  }
});
