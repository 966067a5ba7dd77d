import { match, ok, rejects, strictEqual as equal } from "node:assert";
import process from "node:process";
import { startProgram } from "./program.ts";

const LISTENS = `console.log("listening on http://127.0.0.1:1234/v1/stream");`;
const STAYS = `setInterval(() => {}, 1000);`;

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function scratch(code: string): string[] {
  return [Deno.execPath(), "eval", "--no-config", code];
}

Deno.test("a program that listens is started, and stopped with nothing left", async () => {
  const program = await startProgram(scratch(LISTENS + STAYS));
  equal(program.url, "http://127.0.0.1:1234/v1/stream");
  equal(program.origin, "http://127.0.0.1:1234");
  ok(isThere(program.pid));
  await program.stop();
  ok(!isThere(program.pid));
});

Deno.test("a program that ends before it listens is reported with what it wrote", async () => {
  await rejects(
    startProgram(scratch(`console.error("no room"); Deno.exit(3);`)),
    (error: Error) => {
      match(error.message, /no room/);
      return true;
    },
  );
});

Deno.test("a program that never listens is given up and killed", async () => {
  await rejects(startProgram(scratch(STAYS), { readyMs: 300 }), /didn't say/);
});

Deno.test("a program that ended by itself can't be stopped", async () => {
  const program = await startProgram(
    scratch(`${LISTENS}setTimeout(() => Deno.exit(7), 100);`),
  );
  await program.ended;
  await rejects(program.stop(), /had ended already \(7\)/);
});

Deno.test("a program that doesn't heed SIGTERM is killed, and that is said", async () => {
  const deaf = `Deno.addSignalListener("SIGTERM", () => {});`;
  const program = await startProgram(scratch(deaf + LISTENS + STAYS), {
    stopMs: 300,
  });
  await rejects(program.stop(), /didn't end within 300 ms of SIGTERM/);
  ok(!isThere(program.pid));
});
