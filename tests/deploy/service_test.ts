import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { RUNTIME_TARGETS, type RuntimeTarget } from "../runtime/targets.ts";
import { DatagramSocket } from "../support/datagram_socket.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/until.ts";
import { runCommand } from "../tools/command.ts";
import { installTestTools } from "../tools/install.ts";
import { nodePath } from "../tools/node.ts";
import { startProgram } from "../tools/program.ts";
import { inRepo } from "../tools/repo.ts";
import { type Needed, testWith } from "../support/installed.ts";
import { freePort } from "./proxy.ts";

/** The unit's ExecStart where there is no systemd: what it is told by the program, on the socket it gives. */

const UNIT = inRepo("deploy", "durable-streams.service");
/** The program that Node calls, which has no Unix sockets for datagrams. */
const NOTIFY: Needed = { program: "systemd-notify", package: "systemd" };
const ANALYZE: Needed = { program: "systemd-analyze", package: "systemd" };
/** What systemd takes for well confined goes up to here, of ten; without the filter of calls it was 3.2. */
const EXPOSURE = 2;

/** How often the manager heard a word: a state is several of them, and systemd-notify adds its own. */
function count({ texts }: DatagramSocket, word: string): number {
  return texts.filter((text) => text.split("\n").includes(word)).length;
}

/** The values of a setting of the unit. */
function settings(name: string): readonly string[] {
  return readFileSync(UNIT, "utf8").split("\n")
    .filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

/** From the source, which this Node takes as it is: building the package for the older one takes far longer. */
const NODE: RuntimeTarget = {
  name: "node",
  command: async () => [await nodePath("24.21.0"), inRepo("main.ts")],
};
const TARGETS = RUNTIME_TARGETS.map((target) => target.name === "node" ? NODE : target);

for (const target of TARGETS) {
  const needed = target.name === "node" ? [NOTIFY] : [];
  testWith(
    needed,
    `${target.name}: the service manager hears of the start, the watchdog, the stop`,
    () =>
      withTempDir(async (root) => {
        await installTestTools();
        const [execStart = ""] = settings("ExecStart");
        const [directory = "", ...otherVariables] = settings("Environment");
        const [stateDirectory = ""] = settings("StateDirectory");
        equal(directory, `DURABLE_STREAMS_DIR=/var/lib/${stateDirectory}`);
        deepEqual([otherVariables, settings("Type"), settings("WatchdogSec")], [[], ["notify"], [
          "30",
        ]]);
        const [program, ...args] = execStart.split(" ");
        equal(program, "/usr/local/bin/durable-streams");

        // systemd makes it before the start.
        mkdirSync(`${root}/state`);
        const port = await freePort();
        await using manager = new DatagramSocket(`${root}/notify`);
        const starting = startProgram([...await target.command(), ...args], {
          env: {
            DURABLE_STREAMS_DIR: `${root}/state`,
            DURABLE_STREAMS_PORT: String(port),
            NOTIFY_SOCKET: `${root}/notify`,
            WATCHDOG_USEC: "800000",
          },
        });
        try {
          await until(() => manager.texts.length > 0, () => "nothing was heard");
          // It serves by then, whoever asks.
          const answer = await fetch(`http://127.0.0.1:${port}/health`);
          await answer.body?.cancel();
          equal(answer.status, 200);
          match(manager.texts[0] ?? "", /^READY=1$/m);
          await until(() => count(manager, "WATCHDOG=1") >= 3, () => "the watchdog heard nothing");
          equal(count(manager, "STOPPING=1"), 0);
          deepEqual(settings("ExecReload"), ["/bin/kill -HUP $MAINPID"]);
          const { pid, output } = await starting;
          Deno.kill(pid, "SIGHUP");
          const reloaded = /SIGHUP: nothing to reload|stopping/;
          await until(() => reloaded.test(output()), output);
          doesNotMatch(output(), /stopping/);
        } finally {
          await (await starting).stop();
        }
        await until(() => count(manager, "STOPPING=1") === 1, () => "the stop wasn't heard");
        equal(count(manager, "READY=1"), 1);
      }),
  );
}

testWith([ANALYZE], "systemd takes the unit for well confined", async () => {
  const judge = (threshold: number) =>
    runCommand([
      ...["systemd-analyze", "security", "--offline=true", "--no-pager"],
      ...[`--threshold=${threshold * 10}`, UNIT],
    ], { limitMinutes: 1 });
  const { code, output } = await judge(EXPOSURE);
  equal(code, 0, output);
  ok((await judge(0)).code !== 0, "the threshold counts");
});
