import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inRepo } from "../../tools/repo.ts";
import { startProgram } from "../../tools/program.ts";
import { Visits } from "./support/visits.ts";

const visits = new Visits();

visits.test("a page says that its server is away, and finds it again when it is back", async ({ page, problems }) => {
  problems.allow(/ERR_|status of 503|request to http:\/\/127\.0\.0\.1/);
  const dir = mkdtempSync(join(tmpdir(), "durable-streams-page-"));
  const start = (port: string) =>
    startProgram([Deno.execPath(), "run", "-A", inRepo("main.ts"), "--dir", dir, "--port", port]);
  let program = await start("0");
  try {
    await page.goto(`${program.origin}/ui#/server`);
    await page.getByText("Healthy").waitFor();
    await program.stop();
    await page.getByText(/Server away|Connecting/).first().waitFor();
    program = await start(new URL(program.url).port);
    await page.getByText("Healthy").waitFor();
    // What was asked for while it was away is asked for again.
    await program.stop();
    await page.getByText(/Server away|Connecting/).first().waitFor();
    await page.getByRole("link", { name: "Streams", exact: true }).click();
    await page.getByText("The streams can't be listed now").waitFor();
    program = await start(new URL(program.url).port);
    await page.getByRole("heading", { name: "No streams yet" }).waitFor();
  } finally {
    await program.kill();
    rmSync(dir, { recursive: true, force: true });
  }
});
