/**
 * Looks for a seed whose history breaks a promise: `search.ts FIRST_SEED SECONDS`, seconds of its own time on
 * a core. Prints what it found; exits with 3 where that is nothing.
 */
import process from "node:process";
import { runNatsHistory } from "./nats_history.ts";
import { openStorage } from "./open_storage.ts";

const EXIT_NOTHING = 3;

const [first = 1, seconds = 60] = process.argv.slice(2, 4).map(Number);
let histories = 0;
while (cpuSeconds() < seconds) {
  const { seed, violation } = await runNatsHistory(first + histories++, openStorage);
  if (violation === undefined) continue;
  console.log(`history ${histories}, seed ${seed}: ${violation.message.split("\n")[0]}`);
  process.exit(0);
}
console.log(`${histories} histories, and nothing was found`);
process.exit(EXIT_NOTHING);

/** On a busy machine it looks for longer, but not at fewer histories. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
