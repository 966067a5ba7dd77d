import { equal, notEqual } from "node:assert/strict";
import { ClientTable } from "../../../src/server/limits/client_table.ts";

Deno.test("a table keeps its bound, and nobody's bucket is lost to others, however many come", () => {
  const table = new ClientTable(100);
  const victim = table.of("victim", 0);
  victim.requestsFullAtMs = 5000;
  const reading = table.of("reading", 0);
  reading.readers = 1;
  for (let i = 0; i < 10_000; i++) table.of(`attacker-${i}`, 10).requestsFullAtMs = 1000;
  equal(table.size, 100);
  equal(table.of("victim", 10), victim);
  equal(table.of("reading", 10), reading);
});

Deno.test("all that find no room share one client, and so one bucket", () => {
  const table = new ClientTable(2);
  for (const key of ["a", "b"]) table.of(key, 0).requestsFullAtMs = 1000;
  const late = table.of("c", 0);
  equal(table.of("d", 0), late);
  notEqual(table.of("a", 0), late);
  // Once others are idle they make room.
  notEqual(table.of("e", 1000), late);
});

Deno.test("idle clients are dropped as new ones come, long before the bound", () => {
  const table = new ClientTable(100_000);
  for (let i = 0; i < 50_000; i++) table.of(`client-${i}`, i).requestsFullAtMs = i + 10;
  equal(table.size < 100, true, `${table.size} are kept`);
});

Deno.test("a client that is dropped says so, and so does the shared one, to whoever remembers it", () => {
  const table = new ClientTable(1);
  const first = table.of("a", 0);
  first.requestsFullAtMs = 10;
  equal(first.isDropped, false);
  equal(table.of("b", 0).isDropped, true);
  equal(table.of("c", 20).isDropped, false);
  equal(first.isDropped, true);
});
