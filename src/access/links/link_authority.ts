import type { Clock } from "../../env/clock.ts";
import type { Permit } from "../permit.ts";
import { isVerb } from "../verb.ts";
import { type LinkKey, type ShownLink, signLink, verifyLink } from "./link.ts";

/** What a permit's `creator` begins with where it is a link's. */
export const LINK_CREATOR = "link:";

/** Permits of signed links. */
export class LinkAuthority {
  readonly #clock: Clock;
  #keys: readonly LinkKey[] = [];
  /** By the key's id: aborted once it is forgotten. */
  #forgotten: ReadonlyMap<string, AbortController> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes these keys in place of those before; links of one that is gone end. */
  replaceKeys(keys: readonly LinkKey[]): void {
    const before = this.#keys;
    const forgotten = this.#forgotten;
    const isKept = (key: LinkKey) =>
      before.some(({ kid, secret }) => kid === key.kid && secret === key.secret);
    this.#keys = keys;
    this.#forgotten = new Map(keys.map((key) => {
      const kept = isKept(key) ? forgotten.get(key.kid) : undefined;
      return [key.kid, kept ?? new AbortController()];
    }));
    for (const [kid, controller] of forgotten) {
      if (this.#forgotten.get(kid) !== controller) controller.abort();
    }
  }

  /** @throws {StreamError} `token_invalid`, `token_expired` */
  permitOf(link: ShownLink): Permit {
    const key = this.#keys.find(({ kid }) => kid === link.kid);
    const { verbs, pattern, expiresAtMs } = verifyLink(link, key, this.#clock.nowMs());
    const signal = this.#forgotten.get(link.kid)?.signal;
    const grant = `${verbs.join(",")} ${pattern}`;
    return {
      subject: `link ${pattern}`,
      grants: [grant],
      expiresAtMs,
      creator: `${LINK_CREATOR}${link.kid} ${expiresAtMs} ${grant}`,
      ...(signal === undefined ? {} : { signal }),
    };
  }

  /** As in `Authority.signLink`. */
  sign(url: string, name: string, expiresInMs: number): string | undefined {
    const [key] = this.#keys;
    const nowMs = this.#clock.nowMs();
    return key && signLink(url, { key, pattern: name, expiresInMs, nowMs });
  }

  /** What a link may do by which something was made: the same, until it ends or its key is gone. */
  permitOfCreator(creator: string): Permit | undefined {
    const [, kid, expires, verbs = "", pattern = ""] =
      /^link:(\S+) (\d+) (\S+) (.+)$/s.exec(creator) ?? [];
    if (!this.#keys.some((key) => key.kid === kid)) return undefined;
    if (!verbs.split(",").every(isVerb)) return undefined;
    const expiresAtMs = Number(expires);
    return { subject: `link ${pattern}`, grants: [`${verbs} ${pattern}`], expiresAtMs, creator };
  }
}
