import { deepEqual, equal, ok } from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { yieldToEventLoop } from "./event_loop.ts";
import type { FixtureOptions } from "./fixture.ts";
import { type Body, type Fields, Fixture, JSON_TYPE, TEXT } from "./fixture.ts";
import { ScriptedTransport } from "./scripted_transport.ts";

/** Where webhooks go unless a test says otherwise. */
export const HOOK = "http://localhost:9/hook";

/** A stream of a wake, as JSON has it. */
export interface WokenStream {
  readonly path: string;
  readonly link_type: string;
  readonly acked_offset: string;
  readonly tail_offset: string;
  readonly has_pending: boolean;
}

/** A wake as a worker gets it, by webhook or claim. */
export interface Woken {
  readonly wake_id: string;
  readonly generation: number;
  readonly streams: readonly WokenStream[];
  /** Its callback's or ack's. */
  readonly token: string;
}

/** An app with subscriptions on memory storage, a scripted endpoint, and time that stands. */
export class SubscriptionFixture extends Fixture {
  readonly endpoint: ScriptedTransport;

  constructor(options: FixtureOptions = {}, endpoint = new ScriptedTransport()) {
    super({ subscriptions: { transport: endpoint, allowLoopback: true }, ...options });
    this.endpoint = endpoint;
  }

  /** Sends a request below `__ds/subscriptions/`, with JSON. */
  async control(
    method: string,
    path: string,
    json?: unknown,
    headers: Fields = {},
  ): Promise<Response> {
    const body: Body = json === undefined
      ? undefined
      : typeof json === "string"
      ? json
      : JSON.stringify(json);
    const fields = { ...JSON_TYPE, ...headers };
    return await this.send(method, `__ds/subscriptions/${path}`, fields, body);
  }

  /** Makes a webhook subscription, which has to be new. */
  async subscribe(id: string, spec: Record<string, unknown> = { pattern: "events/*" }) {
    return await this.#created(id, { type: "webhook", webhook: { url: HOOK }, ...spec });
  }

  /** Makes a pull-wake subscription, which has to be new, and its wake stream. */
  async pool(id: string, spec: Record<string, unknown> = { pattern: "events/*" }) {
    await this.put("wake/pool", JSON_TYPE);
    return await this.#created(id, { type: "pull-wake", wake_stream: "wake/pool", ...spec });
  }

  /** What a subscription is. */
  async show(id: string) {
    const answer = await this.control("GET", id);
    equal(answer.status, 200);
    return await answer.json();
  }

  /** Makes a stream with text. */
  async stream(name: string, text?: string): Promise<void> {
    equal((await this.put(name, TEXT, text)).status, 201);
    await settled();
  }

  /** Appends text, and lets what follows from it run. */
  async write(name: string, text = "x"): Promise<string> {
    const tail = await this.append(name, TEXT, text);
    await settled();
    return tail;
  }

  /** Lets time pass, and what falls due run: in steps, since each may lead to another. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await settled();
    }
  }

  /** Claims, which has to succeed. */
  async claim(id: string, worker = "worker-1"): Promise<Woken> {
    const answer = await this.control("POST", `${id}/claim`, { worker });
    const body = await answer.json();
    equal(answer.status, 200, JSON.stringify(body));
    return body;
  }

  /** Asks for an ack, a callback or a release, as whoever has the wake. */
  async answerTo(
    action: "ack" | "callback" | "release",
    id: string,
    woken: Woken,
    more: Record<string, unknown> = {},
  ): Promise<Response> {
    const { wake_id, generation, token } = woken;
    const body = { wake_id, generation, ...more };
    const answer = await this.control("POST", `${id}/${action}`, body, bearer(token));
    await settled();
    return answer;
  }

  /** The wake events so far. */
  async wakeEvents(name = "wake/pool"): Promise<Record<string, unknown>[]> {
    return JSON.parse(await this.content(name));
  }

  /** The wake of the newest request to the endpoint. */
  lastWake(): Woken {
    return wokenBy(this.endpoint.last().body);
  }

  /** Checks a delivery's signature against the published keys; its parts. */
  async verified(delivery: { headers: Readonly<Record<string, string>>; body: Uint8Array }) {
    const signature = delivery.headers["webhook-signature"] ?? "";
    const [, t = "", kid = "", ed25519 = ""] =
      /^t=(\d+),kid=(ds_[\w-]+),ed25519=([\w-]+)$/.exec(signature) ?? [];
    const { keys } = await (await this.get("__ds/jwks.json")).json();
    const jwk = keys.find((key: { kid: string }) => key.kid === kid);
    ok(jwk !== undefined, `the key ${kid} is published`);
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const signed = new Uint8Array([...new TextEncoder().encode(`${t}.`), ...delivery.body]);
    ok(verify(null, signed, key, new Uint8Array(fromBase64Url(ed25519))), "the signature is right");
    return { t: Number(t), kid };
  }

  async #created(id: string, spec: Record<string, unknown>) {
    const answer = await this.control("PUT", id, spec);
    const body = await answer.json();
    equal(answer.status, 201, JSON.stringify(body));
    return body;
  }
}

/** The wake in the body of a webhook's request. */
export function wokenBy(body: Uint8Array): Woken {
  const wake = JSON.parse(new TextDecoder().decode(body));
  return { ...wake, token: wake.callback_token };
}

/** The `Authorization` of a token. */
export function bearer(token: string): Fields {
  return { authorization: `Bearer ${token}` };
}

/** Checks the whole body of a success. */
export async function expectJson(answer: Response, status: number, body: unknown): Promise<void> {
  const found = await answer.json();
  equal(answer.status, status, JSON.stringify(found));
  deepEqual(found, body);
}

/** Lets all that doesn't wait for the clock run to its end: a storage's turn may follow another. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 12; turns++) await yieldToEventLoop();
}

function fromBase64Url(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
