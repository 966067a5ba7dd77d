import { equal, match } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestTokens } from "./support/token_file.ts";
import { until } from "../../support/until.ts";
import { Visits } from "./support/visits.ts";

const tokens = new TestTokens();
const admin = tokens.add("admin", "read,append,create,list,admin **");
const keys = mkdtempSync(join(tmpdir(), "durable-streams-page-keys-"));
addEventListener("unload", () => rmSync(keys, { recursive: true, force: true }));

const visits = new Visits({
  flags: () => {
    tokens.write();
    return ["--tokens", tokens.path, "--link-key", join(keys, "keys.json")];
  },
});

visits.test("a signed link is made that reads the stream without a token", async ({ page, open, send }) => {
  const headers = { "content-type": "text/plain", authorization: `Bearer ${admin}` };
  await send("shared/ä b", { method: "PUT", headers, body: "for whoever has it" });
  await open("/stream/shared/%C3%A4%20b");
  await page.getByLabel("Token", { exact: true }).fill(admin);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator("main").getByRole("button", { name: "Link", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Signed link" });
  await dialog.getByLabel("How long it lasts").selectOption("A day");
  await dialog.getByRole("button", { name: "Make link" }).click();
  const field = dialog.getByLabel("Link", { exact: true });
  await until(async () => await field.inputValue() !== "", () => "no link was made");
  const link = await field.inputValue();
  match(link, /[?&]ds-sig=/);
  equal(await (await fetch(`${link}&offset=-1`)).text(), "for whoever has it");
});
