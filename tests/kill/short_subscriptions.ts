import { equal, ok } from "node:assert/strict";
import { attempt, type KilledServer } from "./killed_server.ts";

/** Makes subscriptions and deletes some, and remembers what was acknowledged. */
export class ShortSubscriptions {
  readonly #expected = new Map<string, { status: number; leaseMs: number }>();
  #made = 0;

  /** How many are known. */
  get known(): number {
    return this.#expected.size;
  }

  async run(server: KilledServer, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const name = `short-${this.#made++}`;
      const leaseMs = 1000 + this.#made;
      const body = { type: "pull-wake", wake_stream: "none", lease_ttl_ms: leaseMs };
      const created = await attempt(server, `__ds/subscriptions/${name}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...body, streams: [`short/${name}`] }),
      });
      if (created === undefined) continue;
      equal(created.status, 201, `${name} is created`);
      this.#expected.set(name, { status: 200, leaseMs });
      if (this.#made % 2 === 0) continue;
      const deleted = await attempt(server, `__ds/subscriptions/${name}`, { method: "DELETE" });
      if (deleted === undefined) this.#expected.delete(name);
      else {
        equal(deleted.status, 204, `${name} is deleted`);
        this.#expected.set(name, { status: 404, leaseMs });
      }
    }
  }

  /** Asks for each that is known. */
  async check(server: KilledServer): Promise<void> {
    for (const [name, { status, leaseMs }] of this.#expected) {
      const answer = await attempt(server, `__ds/subscriptions/${name}`, {});
      ok(answer !== undefined, `${name} is answered`);
      equal(answer.status, status, `${name} after its acknowledged steps`);
      if (status !== 200) continue;
      const found = JSON.parse(new TextDecoder().decode(answer.body));
      equal(found.lease_ttl_ms, leaseMs, `${name} is as it was created`);
    }
  }
}
