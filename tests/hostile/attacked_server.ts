import { deepEqual, equal } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { HTTP_TARGETS, RUNTIME_TARGETS } from "../runtime/targets.ts";
import type { Fetch } from "../support/guard.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { installTestTools } from "../tools/install.ts";
import { type Program, startProgram } from "../tools/program.ts";
import { ControlClient } from "./control_client.ts";

const PAGE_BYTES = 4096;
const TICK_MS = 10;
const MIB = 1024 * 1024;
/** What a runtime may hold on to once it has been used, beyond what it had: heaps shrink when they like. */
const MARGIN_MIB = 128;
/** Kept connections of clients, and segment files. */
const MARGIN_FILES = 40;

/** A server under attack, and what is known of it. */
export interface AttackedServer extends Program {
  /** Where it keeps its streams. */
  readonly dir: string;
  /** Asks as a client that may do everything. */
  readonly fetch: Fetch;
  /** What /health says. */
  health(): Promise<Health>;
  /** Memory and open files of its process now. */
  figures(): Figures;
}

/** The parts of a health that the tests look at. */
export interface Health {
  readonly status: string;
  readonly readers: { readonly live: number; readonly cut: number; readonly refused: number };
  readonly defects: number;
}

/** What a process takes. */
export interface Figures {
  readonly rssMib: number;
  readonly openFiles: number;
  /** Time on a core that its main thread, which serves, has had so far. */
  readonly cpuMs: number;
}

/** What has to be there before a server starts, and how its good clients ask it. */
export interface Preparation extends Disposable {
  readonly flags: readonly string[];
  readonly fetch: Fetch;
}

/** How an attack is tested. */
export interface AttackOptions {
  /** How much more memory the process may have afterwards. */
  readonly spareMib?: number;
  /** Whether it depends on who speaks HTTP; it does unless given. */
  readonly isAboutHttp?: boolean;
  /** The names of the targets; all unless given. */
  readonly on?: readonly string[];
  /**
   * Asks for no token and speaks plain HTTP unless given.
   *
   * @param command the program's, without its flags
   * @param dir for files
   */
  readonly prepare?: (command: readonly string[], dir: string) => Promise<Preparation>;
}

/**
 * A test on Deno and on Bun: while the attack goes on, another client is served as ever; after it the
 * process lives, has met no defect, and has given back files and memory.
 */
export function underAttack(
  name: string,
  flags: readonly string[],
  attack: (server: AttackedServer) => Promise<void>,
  options: AttackOptions = {},
): void {
  const all = options.isAboutHttp ?? true ? HTTP_TARGETS : RUNTIME_TARGETS;
  const targets = all.filter(({ name }) => options.on?.includes(name) ?? name !== "executable");
  for (const target of targets) {
    Deno.test(`${target.name}: ${name}`, () =>
      withTempDir(async (root) => {
        await installTestTools();
        const dir = `${root}/streams`;
        const command = await target.command();
        using prepared = await (options.prepare ?? prepareNothing)(command, root);
        const all = ["--port", "0", "--dir", dir, ...flags, ...prepared.flags];
        const program = await startProgram([...command, ...all]);
        try {
          await attackAndMonitor(
            attacked(program, dir, prepared.fetch),
            attack,
            options.spareMib ?? MARGIN_MIB,
          );
          await program.stop();
        } finally {
          await program.kill();
        }
      }));
  }
}

function prepareNothing(): Promise<Preparation> {
  return Promise.resolve({ flags: [], fetch, [Symbol.dispose]() {} });
}

async function attackAndMonitor(
  server: AttackedServer,
  attack: (server: AttackedServer) => Promise<void>,
  spareMib: number,
): Promise<void> {
  const control = await ControlClient.start(server);
  await control.hasBeenServed(20);
  const before = server.figures();
  try {
    await attack(server);
  } finally {
    await control.stop();
  }
  const { status, defects } = await server.health();
  deepEqual([status, defects], ["ok", 0], server.output());
  await until(() => server.figures().openFiles <= before.openFiles + MARGIN_FILES, () => {
    const { openFiles } = server.figures();
    return `${openFiles} files are open, ${before.openFiles} were`;
  });
  await until(() => server.figures().rssMib <= before.rssMib + spareMib, () => {
    const { rssMib } = server.figures();
    return `${rssMib} MiB are used, ${before.rssMib} were`;
  });
  const after = server.figures();
  console.log(
    `memory ${before.rssMib} to ${after.rssMib} MiB, files ${before.openFiles} to ` +
      `${after.openFiles}, ${control.served} appends of the other client`,
  );
}

function attacked(program: Program, dir: string, fetch: Fetch): AttackedServer {
  return Object.assign(Object.create(null), program, {
    dir,
    fetch,
    async health(): Promise<Health> {
      const answer = await fetch(`${program.origin}/health`);
      equal(answer.status, 200);
      return await answer.json();
    },
    figures(): Figures {
      const [, pages = ""] = readFileSync(`/proc/${program.pid}/statm`, "utf8").split(" ");
      const openFiles = readdirSync(`/proc/${program.pid}/fd`).length;
      const rssMib = Math.round(Number(pages) * PAGE_BYTES / MIB);
      return { rssMib, openFiles, cpuMs: mainThreadMs(program.pid) };
    },
  });
}

/** User and kernel time of a process's main thread (proc(5)), in steps of 10 ms. */
function mainThreadMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8");
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return (Number(user) + Number(system)) * TICK_MS;
}
