/**
 * `deno task fuzz:http`: made-up requests, read by this project's server and by h11 (PyPI), which have to
 * agree on what is a request, on each part of it, and on where the next begins. `--seconds S` (60),
 * `--seed SEED` to begin with, `--python PATH` of a Python that has h11 (python3). What differs and isn't
 * meant is printed with its seed, and the exit code is 1.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { parseArgs } from "node:util";
import { Random } from "../../support/random.ts";
import { exchange, type Exchanges, latin1 } from "../exchanges.ts";
import { KNOWN } from "./differences.ts";
import { Peer, type PeerReading } from "./peer.ts";
import { randomBytes } from "./requests.ts";

const FAILURES_SHOWN = 10;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    python: { type: "string", default: "python3" },
  },
});
const first = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
const untilMs = performance.now() + Number(values.seconds) * 1000;
const peer = new Peer(values.python);
const known = new Map<string, number>();
let failures = 0;
let runs = 0;
let errors = 0;
for (let seed = first; performance.now() < untilMs && failures < FAILURES_SHOWN; seed++) {
  runs++;
  const sent = randomBytes(new Random(seed));
  const bytes = latin1(sent);
  const [ours, theirs] = [await exchange([bytes]), await peer.read(bytes)];
  const error = errorOf(ours);
  if (error !== "") errors++;
  const message = compare(ours, error, theirs);
  if (message === undefined) continue;
  const isInBody = theirs.end === "waits" && theirs.requests.at(-1)?.isWhole === false;
  const difference = { sent, ours: error, theirs: theirs.why, isInBody };
  const meant = KNOWN.find((each) => each.matches(difference));
  if (meant !== undefined) {
    known.set(meant.why, (known.get(meant.why) ?? 0) + 1);
    continue;
  }
  failures++;
  console.log(
    `SEED ${seed}: ${message}\n  sent   ${JSON.stringify(sent)}\n  ours   ${error || "taken"}: ${
      JSON.stringify(ours.seen.map(({ method, url, body }) => [method, url, body]))
    }\n  theirs ${JSON.stringify(theirs)}`,
  );
}
peer.end();
for (const [why, count] of known) console.log(`${String(count).padStart(7)} times: ${why}`);
console.log(
  `${runs} connections from seed ${first} on, of which ${errors} were refused: ${failures} differences ` +
    "that aren't meant",
);
process.exitCode = failures === 0 ? 0 : 1;

/** What is said where a request is refused; a body's own refusal has no words of its own here. */
function errorOf({ statuses, message, failure }: Exchanges): string {
  if (!statuses.some((status) => status >= 400)) return "";
  return message === "" ? failure : message;
}

function compare(ours: Exchanges, message: string, theirs: PeerReading): string | undefined {
  if ((message !== "") !== (theirs.end === "refused")) return "one takes what the other refuses";
  const whole = theirs.requests.filter(({ isWhole }) => isWhole);
  const taken = ours.seen.filter(({ body }) => body !== undefined);
  if (whole.length !== taken.length) return "they count other requests";
  for (const [i, { method, url, request, body }] of taken.entries()) {
    const other = whole[i];
    if (other === undefined) continue;
    if (method !== other.method) return "another method";
    if (body !== Buffer.from(other.body, "hex").toString("latin1")) return "another body";
    if (url !== urlOf(other.target, other.headers)) return "another target";
    const headers = new Map<string, string>();
    for (const [name, value] of other.headers) {
      const before = headers.get(name);
      headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    for (const [name, value] of headers) {
      if (request.headers.get(name) !== value) return `another ${name}`;
    }
  }
  if (message === "" && ours.isOpen !== (theirs.end === "waits")) return "one goes on";
  return undefined;
}

function urlOf(target: string, headers: readonly (readonly [string, string])[]): string {
  const host = headers.find(([name]) => name === "host")?.[1] ?? "localhost";
  const url = target === "*"
    ? `http://${host}/*`
    : target.startsWith("/")
    ? `http://${host}${target}`
    : target;
  return URL.canParse(url) ? new URL(url).href : url;
}
