import { equal, match } from "node:assert/strict";
import { Visits } from "./support/visits.ts";

const visits = new Visits({ flags: () => ["--storage", "memory"] });

visits.test("a stream is trimmed before a message, and whoever comes to what is gone is told so", async ({ page, open, send, problems, streamUrl }) => {
  problems.allow(/Failed to load resource.*410/);
  const body = JSON.stringify(Array.from({ length: 2_000 }, (_, n) => ({ n })));
  await send("trimmed", { method: "PUT", headers: { "content-type": "application/json" }, body });
  await open("/stream/trimmed?offset=-1");
  await page.getByRole("option", { name: `{"n":3}` }).click();
  const address = page.url();
  await page.getByRole("option", { name: `{"n":9}` }).click();
  await page.getByRole("button", { name: "Trim before this" }).click();
  const dialog = page.getByRole("dialog", { name: "Trim stream" });
  await dialog.getByRole("button", { name: "Trim stream" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByText("What came before is gone.").waitFor();
  match(await (await fetch(`${streamUrl("trimmed")}?offset=-1`)).text(), /^\[\{"n":9\}/);
  await page.goto("about:blank");
  await page.goto(address);
  await page.getByRole("heading", { name: "This place was trimmed" }).waitFor();
  await page.getByRole("button", { name: "Read from the start" }).click();
  await page.getByRole("option", { name: `{"n":9}` }).waitFor();
  equal(await page.getByRole("button", { name: /^Load earlier/ }).count(), 0);
});
