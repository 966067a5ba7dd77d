import { equal } from "node:assert/strict";
import { SharedNames } from "../../../src/server/live/shared_names.ts";

Deno.test("a name is kept for as long as somebody needs it", () => {
  const names = new SharedNames();
  equal(names.take("jobs/1"), "jobs/1");
  equal(names.take("jobs/1"), "jobs/1");
  equal(names.take("jöbs/2"), "jöbs/2");
  equal(names.size, 2);
  names.release("jobs/1");
  names.release("jöbs/2");
  equal(names.size, 1);
  names.release("jobs/1");
  names.release("jobs/1");
  equal(names.size, 0);
});
