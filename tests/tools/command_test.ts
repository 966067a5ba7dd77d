import { match, rejects, strictEqual as equal } from "node:assert";
import { until } from "../support/until.ts";
import { runCommand } from "./command.ts";

/** Leaves a process behind that holds the command's pipes: only its end lets the run end. */
const LEAVES_ONE = `
  new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "setInterval(() => {}, 1000)"],
  }).spawn();
`;

function evaluate(code: string, limitMinutes: number) {
  return runCommand([Deno.execPath(), "eval", "--no-config", code], { limitMinutes });
}

Deno.test("a command's outputs and exit code come back", async () => {
  const result = await evaluate(`console.log("a"); console.error("b"); Deno.exit(3);`, 1);
  equal(result.code, 3);
  equal(result.hitLimit, false);
  match(result.output, /a/);
  match(result.output, /b/);
});

Deno.test("a command past its limit is ended with all it started, and that is said", async () => {
  const result = await evaluate(`${LEAVES_ONE} setInterval(() => {}, 1000);`, 0.01);
  equal(result.code, 1);
  match(result.output, /took more than 0\.01 minutes/);
  equal(result.hitLimit, true);
});

Deno.test("what a command leaves behind is ended, and that is said", async () => {
  const result = await evaluate(`${LEAVES_ONE} Deno.exit(0);`, 1);
  equal(result.code, 0);
  match(result.output, /were still there/);
});

Deno.test("two commands at a time end with who runs them", async () => {
  const code = `
    import { runCommand } from ${JSON.stringify(import.meta.resolve("./command.ts"))};
    const forever = "console.log(Deno.pid); setInterval(() => {}, 1000)";
    const run = () => runCommand([Deno.execPath(), "eval", "--no-config", forever], {
      limitMinutes: 1,
      onOutput: (text) => console.log(text.trim()),
    });
    await Promise.all([run(), run()]);
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", code],
    stdout: "piped",
  }).spawn();
  const pids: number[] = [];
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    pids.push(...text.trim().split("\n").map(Number));
    if (pids.length === 2) child.kill("SIGTERM");
  }
  equal((await child.status).code, 1);
  equal(pids.length, 2);
  await until(() => !pids.some(isRunning), () => `${pids.filter(isRunning)} have ended`);
});

function isRunning(pid: number): boolean {
  try {
    return !Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z ");
  } catch {
    return false;
  }
}

Deno.test("a command that isn't there is an error that names it", async () => {
  await rejects(runCommand(["no-such-command"], { limitMinutes: 1 }), /Cannot run no-such-command/);
});
