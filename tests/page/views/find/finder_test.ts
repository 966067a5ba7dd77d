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

Deno.test("what was found stays where there is no more to be had, and why is told", async () => {
  const served = new Fixture({ page: true, listing: true });
  for (let i = 0; i < 150; i++) await served.make(`logs/${i}`);
  answerFetch(async (request) => await served.app.fetch(request));
  const finder = new Finder();
  await finder.find("logs/", "");
  answerFetch(() => Promise.resolve(new Response("", { status: 400 })));
  await finder.more();
  deepEqual(
    [finder.found.value?.streams.length, finder.moreProblem.value?.status, finder.problem.value],
    [100, 400, undefined],
  );
  answerFetch(async (request) => await served.app.fetch(request));
  await finder.more();
  deepEqual([finder.found.value?.streams.length, finder.moreProblem.value], [150, undefined]);
});

Deno.test("a search that was looked further for is made anew once the server is back", async () => {
  const served = new Fixture({ page: true, listing: true });
  for (let i = 0; i < 250; i++) await served.make(`logs/${i}`);
  const answer = async (request: Request) => await served.app.fetch(request);
  answerFetch(answer);
  const finder = new Finder();
  await finder.find("", "log");
  await finder.more();
  answerFetch(() => Promise.reject(new TypeError("away")));
  await finder.find("logs/", "");
  deepEqual(finder.problem.value?.status, 0);
  answerFetch(answer);
  await finder.find("logs/", "");
  deepEqual([finder.problem.value, finder.found.value?.streams.length], [undefined, 100]);
});

Deno.test("names that begin with what is typed are there before all others have been looked at", async () => {
  const served = new Fixture({ page: true, listing: true });
  await served.make("orders/eu");
  await served.make("all/orders");
  const gate = Promise.withResolvers<void>();
  answerFetch(async (request) => {
    if (new URL(request.url).searchParams.has("q")) await gate.promise;
    return await served.app.fetch(request);
  });
  const finder = new Finder();
  const seen: unknown[] = [];
  finder.found.subscribe((found) =>
    seen.push(found && [found.streams.map(({ name }) => name), found.isWhole])
  );
  const finding = finder.find("", "orders");
  while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 0));
  gate.resolve();
  await finding;
  deepEqual(seen, [
    undefined,
    [["orders/eu"], false],
    [["orders/eu", "all/orders"], true],
  ]);
});
