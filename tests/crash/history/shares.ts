import { spawn } from "node:child_process";
import process from "node:process";
import { inRepo } from "../../tools/repo.ts";
import { RARE_KINDS } from "./world.ts";

/** What the processes share. */
export interface Shares {
  readonly first: number;
  readonly count: number;
  readonly seconds: number | undefined;
  readonly processes: number;
  readonly subscriptions: boolean;
  readonly nats: boolean;
}

/** After so many more it is told how many there were. */
const REPORTED_HISTORIES = 1_000;

/** Runs histories in several processes; the first that fails ends the others. Returns the exit code. */
export async function runShares(
  { first, count, seconds, processes, subscriptions, nats }: Shares,
): Promise<number> {
  const children = Array.from({ length: processes }, (_, i) => {
    const share = Math.ceil((count - i) / processes);
    return new Share([
      ...["--first", `${first + i}`, "--stride", `${processes}`],
      ...(subscriptions ? ["--subscriptions"] : []),
      ...(nats ? ["--nats"] : []),
      ...(count === Infinity ? [] : ["--count", `${share}`]),
      ...(seconds === undefined ? [] : ["--seconds", `${seconds}`]),
    ]);
  });
  let told = 0;
  const tell = () => {
    const total = children.reduce((sum, { soFar }) => sum + soFar, 0);
    if (total - told < REPORTED_HISTORIES) return;
    told = total;
    console.log(`${total} histories so far`);
  };
  for (const child of children) {
    child.onOutput = tell;
    void child.ended.then((code) => {
      if (code !== 0) { for (const other of children) if (other !== child) other.end(); }
    });
  }
  const codes = await Promise.all(children.map(({ ended }) => ended));
  const failed = children.filter((_, i) => codes[i] !== 0 && codes[i] !== null);
  const passed = sum(children, /(\d+) passed/);
  if (failed.length > 0) {
    console.log(`${failed[0]?.output}\n${passed} passed, 1 failed`);
    return 1;
  }
  console.log(
    `${sum(children, /(\d+) crashes/)} crashes and kills, ${sum(children, /(\d+) faults/)} faults`,
  );
  for (const kind of nats ? [] : RARE_KINDS) {
    console.log(
      `${sum(children, new RegExp(`(\\d+) histories with ${kind}`))} histories with ${kind}`,
    );
  }
  console.log(`${passed} passed, 0 failed`);
  return 0;
}

/** One process and what it wrote. */
class Share {
  output = "";
  onOutput: () => void = () => {};
  /** The exit code, null where it was ended. */
  readonly ended: Promise<number | null>;
  readonly #child;

  constructor(flags: readonly string[]) {
    const script = inRepo("tests", "crash", "run.ts");
    const args = ["run", "-A", "-c", inRepo("deno.json"), script, "--processes", "1", ...flags];
    this.#child = spawn(Deno.execPath(), args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
      this.onOutput();
    });
    const end = () => this.end();
    process.once("exit", end);
    this.ended = new Promise((resolve) =>
      this.#child.once("close", (code) => {
        process.off("exit", end);
        resolve(code);
      })
    );
  }

  /** How many histories it has run. */
  get soFar(): number {
    return Number([...this.output.matchAll(/^(\d+) histories so far$/gm)].at(-1)?.[1] ?? 0);
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

function sum(children: readonly Share[], figure: RegExp): number {
  return children.reduce((total, { output }) => total + Number(figure.exec(output)?.[1] ?? 0), 0);
}
