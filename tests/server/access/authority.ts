import type { Authority, Credentials, Permit } from "../../../src/access/permit.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { type Fields, type FixtureOptions } from "../../support/fixture.ts";
import { bearer, SubscriptionFixture } from "../../support/subscription_fixture.ts";

/** Tokens by hand: a text stands for a permit, or for what is wrong with it. */
export class TableAuthority implements Authority {
  readonly permits = new Map<string, Permit>();
  /** What was given to creators since, by what their subscriptions keep. */
  readonly creators = new Map<string, Permit>();
  readonly asked: string[] = [];

  readonly authorize = (request: Credentials): Permit | undefined => {
    this.asked.push(`${request.method} ${request.url}`);
    const header = request.headers.get("authorization");
    if (header === null) return undefined;
    const token = header.slice("Bearer ".length);
    const permit = this.permits.get(token);
    if (permit !== undefined) return permit;
    if (token === "expired" || token === "revoked") {
      throw new StreamError({ code: "token_expired" }, "The token expired.");
    }
    throw new StreamError({ code: "token_invalid" }, "The token isn't valid.");
  };

  permitOf(creator: string): Permit | undefined {
    return this.creators.get(creator);
  }

  /** Makes a token of grants; what it is sent as. */
  token(text: string, grants: readonly string[], more: Partial<Permit> = {}): Fields {
    this.permits.set(text, { subject: text, grants, ...more });
    return bearer(text);
  }
}

/** An app that asks such an authority, with everything that can be switched on; `root` may do all. */
export class GuardedFixture extends SubscriptionFixture {
  readonly authority: TableAuthority;
  readonly root: Fields;

  constructor(options: FixtureOptions = {}, authority = new TableAuthority()) {
    super({
      authorize: authority,
      listing: true,
      health: "/health",
      metrics: "/metrics",
      welcome: true,
      ...options,
    });
    this.authority = authority;
    this.root = authority.token("root", [
      "read,append,create,close,delete,list,subscribe,admin **",
    ]);
  }

  /** Makes streams of text, as one who may do everything. */
  async fill(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.make(name, { "content-type": "text/plain", ...this.root }, `of ${name}`);
    }
  }
}

/** Writes down from now on which names a storage is asked about. */
export function recordNames(storage: Storage): string[] {
  const asked: string[] = [];
  const { create, append, delete: remove, head, read, list, watch } = storage;
  storage.create = (name, spec) => {
    asked.push(name, ...(spec.fork === undefined ? [] : [spec.fork.source]));
    return create.call(storage, name, spec);
  };
  storage.append = (name, request) => {
    asked.push(name);
    return append.call(storage, name, request);
  };
  storage.delete = (name) => {
    asked.push(name);
    return remove.call(storage, name);
  };
  const { update } = storage;
  storage.update = async (name, change) => {
    asked.push(name);
    if (update === undefined) throw new Error("The storage has no update.");
    return await update.call(storage, name, change);
  };
  storage.head = (name) => {
    asked.push(name);
    return head.call(storage, name);
  };
  storage.read = (name, from, limitBytes) => {
    asked.push(name);
    return read.call(storage, name, from, limitBytes);
  };
  storage.list = (request) => {
    asked.push(request.prefix ?? "");
    return list.call(storage, request);
  };
  storage.watch = (name, onChange) => {
    asked.push(name);
    return watch.call(storage, name, onChange);
  };
  return asked;
}
