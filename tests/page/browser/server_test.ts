import { match, ok } from "node:assert/strict";
import { until } from "../../support/until.ts";
import { Visits } from "./support/visits.ts";
import { PHONE } from "./support/screen.ts";

const visits = new Visits();

/** In the page: whether the first chart has anything on it that isn't grey, as its grid is. */
const HAS_LINE = `(() => {
  const canvas = document.querySelector(".plot canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((_, at) =>
    at % 4 === 0 && data[at + 3] > 60 && Math.abs(data[at] - data[at + 2]) > 60
  );
})()`;

for (const screen of [undefined, PHONE]) {
  visits.test("the server's figures are drawn, and go on", async ({ page, open, send }) => {
    await send("a", { method: "PUT", headers: { "content-type": "text/plain" } });
    await open("/server");
    await page.getByRole("heading", { name: "All is well" }).waitFor();
    await page.getByText("Deno", { exact: false }).first().waitFor();
    const chart = page.getByRole("img", { name: /^Appends per second/ });
    await chart.waitFor();
    const most = async () => {
      const label = await chart.getAttribute("aria-label") ?? "";
      return Number(/([\d.,]+) at most/.exec(label)?.[1] ?? NaN);
    };
    for (let n = 0; !(await most() > 0); n++) {
      ok(n < 2_000, "no append was ever shown");
      await send("a", { method: "POST", headers: { "content-type": "text/plain" }, body: "x" });
    }
    await page.getByRole("img", { name: /^Sync latency. median: .* at most/ }).waitFor();
    await until(() => page.evaluate(HAS_LINE), () => "the chart has no line");
    await page.getByRole("button", { name: "24 hours" }).click();
    match(page.url(), /#\/server\?range=day$/);
  }, screen && { screen });
}

visits.test("two streams' rates are compared, and the address leads back to them", async ({ page, open, send }) => {
  const headers = { "content-type": "text/plain" };
  for (const name of ["left", "right/ä b"]) await send(name, { method: "PUT", headers });
  await open("/server");
  await page.getByLabel("First stream").fill("left");
  await page.getByLabel("Second stream").fill("right/ä b");
  await page.getByLabel("Second stream").press("Enter");
  await page.waitForURL(/b=right/);
  await page.reload();
  const chart = page.getByRole("img", {
    name: /left: [\d.]+ K?i?B now.*right\/ä b: [\d.]+ K?i?B now/,
  });
  await chart.waitFor();
});
