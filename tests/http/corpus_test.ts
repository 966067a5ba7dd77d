import { deepEqual } from "node:assert/strict";
import { type Case, CORPUS } from "./corpus.ts";
import { exchange, latin1 } from "./exchanges.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";

/** Longer ones are not cut at every byte. */
const CUT_EVERYWHERE_BYTES = 300;

/** What a case is answered, in the corpus's own words. */
async function answersTo(pieces: readonly Bytes[]): Promise<readonly string[]> {
  const { seen, statuses, isOpen } = await exchange(pieces);
  const requests = [...seen];
  const answers = statuses.map((status) => {
    const request = status === 200 ? requests.shift() : undefined;
    return request === undefined
      ? String(status)
      : `${status} ${request.method} ${request.url} ${request.body}`;
  });
  // Of a refusal that goes without saying.
  const isRefused = statuses.some((status) => status >= 400);
  return isOpen || isRefused ? answers : [...answers, "closed"];
}

function* cuts(bytes: Bytes): Iterable<readonly Bytes[]> {
  yield [bytes];
  if (bytes.length > CUT_EVERYWHERE_BYTES) return;
  yield Array.from(bytes, (_, at) => bytes.slice(at, at + 1));
  for (let at = 1; at < bytes.length; at++) yield [bytes.slice(0, at), bytes.slice(at)];
}

/** A body that comes with its head needs no 100 Continue, and one that comes later does. */
function withoutContinue(answers: readonly string[]): readonly string[] {
  return answers.filter((answer) => answer !== "100");
}

for (const [about, cases] of Object.entries(CORPUS)) {
  for (const [what, sent, ...expected] of cases satisfies readonly Case[]) {
    Deno.test(`${about}: ${what}`, async () => {
      const bytes = latin1(sent);
      deepEqual(await answersTo([bytes]), expected);
      for (const pieces of cuts(bytes)) {
        const at = pieces.map(({ length }) => length).slice(0, -1).join(" ");
        deepEqual(
          withoutContinue(await answersTo(pieces)),
          withoutContinue(expected),
          `cut after ${at}`,
        );
      }
    });
  }
}
