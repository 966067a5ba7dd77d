import { fetchTransport, type Transport } from "../../../src/client/transport/transport.ts";
import type { Clock } from "../../../src/env/clock.ts";
import type { Fields } from "../fixture.ts";

/** An answer as a server or a proxy may give it; an error is no answer. */
export type ScriptedResponse =
  | { status: number; headers?: Fields; text?: string }
  | Error;

/** A request as `fetch` got it. */
export interface FetchedRequest {
  url: string;
  method: string;
  headers: Fields;
  init: RequestInit;
}

/** A `fetch` that gives these answers, one after the other, and remembers what it was asked. */
export function scripted(...answers: ScriptedResponse[]) {
  const requests: FetchedRequest[] = [];
  const fetch = (url: string, init: RequestInit): Response => {
    requests.push({
      url,
      method: init.method ?? "GET",
      headers: Object.fromEntries(new Headers(init.headers)),
      init,
    });
    const answer = answers.shift();
    if (answer === undefined) throw new Error("No more answers are scripted.");
    if (answer instanceof Error) throw answer;
    return new Response(answer.text ?? null, {
      status: answer.status,
      headers: answer.headers ?? {},
    });
  };
  const transport: Transport = fetchTransport({ fetch });
  const at = (clock: Clock): Transport => fetchTransport({ fetch, clock });
  return { requests, fetch, transport, at };
}
