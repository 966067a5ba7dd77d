import { deepEqual } from "node:assert/strict";
import { answerFetch } from "../../page_globals.ts";
import { Finder } from "../../../../src/page/views/find/finder.ts";
import { Fixture } from "../../../support/fixture.ts";

Deno.test("what was looked further for stays when streams come and go", async () => {
  const served = new Fixture({ page: true, listing: true });
  for (let i = 0; i < 250; i++) await served.make(`logs/${String(i).padStart(3, "0")}`);
  answerFetch(async (request) => await served.app.fetch(request));
  const finder = new Finder();
  const count = () => finder.found.value?.streams.length;
  await finder.find("", "log");
  const first = count();
  await finder.more();
  const further = count();
  await finder.find("", "log");
  deepEqual([first, further, count()], [100, 200, 200]);
  await finder.find("", "logs/24");
  deepEqual(count(), 10);
  await served.make("logs/24a");
  await finder.find("", "logs/24");
  deepEqual(count(), 11);
});
