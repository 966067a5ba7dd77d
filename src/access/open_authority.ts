import { type Clock, systemClock } from "../env/clock.ts";
import type { FileSystem } from "../env/file_system.ts";
import { nodeFileSystem } from "../env/node_file_system.ts";
import { AccessError } from "./access_error.ts";
import { type AccessRule, ClaimGrants } from "./access_rule.ts";
import {
  type AccessSettings,
  DEFAULT_CLOCK_TOLERANCE_MS,
  DEFAULT_MAX_VERDICTS,
  type JwtSettings,
} from "./access_settings.ts";
import { FileKeys } from "./jwt/file_keys.ts";
import { JwtAuthority } from "./jwt/jwt_authority.ts";
import { JwtVerifier } from "./jwt/jwt_verifier.ts";
import type { KeySource } from "./jwt/key_source.ts";
import { checkJwksUrl, type Fetch, RemoteKeys } from "./jwt/remote_keys.ts";
import { decodeLinkKeys, LINK_KEY_FILE, openLinkKeys } from "./links/link_key_file.ts";
import { LinkAuthority } from "./links/link_authority.ts";
import type { Authority } from "./permit.ts";
import { RequestAuthority } from "./request_authority.ts";
import { decodeTokenFile } from "./tokens/token_file.ts";
import { TokenStore } from "./tokens/token_store.ts";
import { Verdicts } from "./verdicts.ts";
import { WatchedFile } from "./watched_file.ts";

const TOKEN_FILE = "token file";

/** The surroundings of an authority: this machine's own unless given. */
export interface AuthorityParts {
  readonly clock?: Clock;
  readonly fileSystem?: FileSystem;
  readonly fetch?: Fetch;
}

/** An {@link Authority} that watches files until it is closed. */
export interface OpenedAuthority extends Authority {
  /**
   * Looks at other rules for JWTs and changes nothing.
   *
   * @returns puts them in place; live readers with a JWT end with that, and may come again
   * @throws {RangeError} where a rule's grant can't be read
   */
  prepareRules(rules: readonly AccessRule[]): () => void;
  close(): void;
}

/**
 * The authority that takes the tokens, JWTs and links of these settings. A file that changes is read again
 * within a second, and changes nothing where it is broken. A JWK set that can't be fetched doesn't keep it
 * from opening.
 *
 * @throws {AccessError} where a file can't be read, or a setting makes no sense
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { createApp, createMemoryStorage, openAuthority } from "../mod.ts";
 *
 * const dir = await mkdtemp(`${tmpdir()}/access-`);
 * const authority = await openAuthority({ linkKey: `${dir}/link-keys.json` });
 * const app = createApp({ storage: createMemoryStorage(), authorize: authority });
 * assert(app !== undefined);
 * authority.close();
 * await rm(dir, { recursive: true });
 * ```
 */
export async function openAuthority(
  settings: AccessSettings,
  parts: AuthorityParts = {},
): Promise<OpenedAuthority> {
  const {
    clock = systemClock,
    fileSystem = nodeFileSystem,
    fetch = (url, init) => globalThis.fetch(url, init),
  } = parts;
  const verdicts = new Verdicts(clock, settings.maxVerdicts ?? DEFAULT_MAX_VERDICTS);
  const closers: (() => void)[] = [];
  const close = () => {
    for (const closeOne of closers.splice(0)) closeOne();
  };
  const watch = (path: string, kind: string, apply: (bytes: Uint8Array) => void) => {
    const file = new WatchedFile({ path, kind, fileSystem, clock, apply });
    closers.push(() => file.close());
  };
  const { tokens: tokenPath, linkKey: linkPath, jwt: jwtSettings, rules = [] } = settings;
  if (tokenPath === undefined && linkPath === undefined && jwtSettings === undefined) {
    throw new AccessError("Nothing says who may do what: expected tokens, jwt or linkKey.");
  }
  try {
    const tokens = tokenPath === undefined ? undefined : new TokenStore(clock);
    if (tokens !== undefined && tokenPath !== undefined) {
      watch(tokenPath, TOKEN_FILE, (bytes) => {
        tokens.replace(decodeTokenFile(bytes, tokenPath));
        verdicts.clearFaults();
      });
    }
    const links = linkPath === undefined ? undefined : new LinkAuthority(clock);
    if (links !== undefined && linkPath !== undefined) {
      await openLinkKeys(fileSystem, linkPath);
      watch(linkPath, LINK_KEY_FILE, (bytes) => {
        links.replaceKeys(decodeLinkKeys(bytes, linkPath));
        verdicts.clearFaults();
      });
    }
    const grants = claimGrants(rules);
    const jwt = jwtSettings === undefined ? undefined : await openJwt(jwtSettings, grants, {
      clock,
      fileSystem,
      fetch,
      onChange: () => verdicts.clear(),
      onClose: (closeOne) => closers.push(closeOne),
    });
    return new RequestAuthority({ verdicts, tokens, jwt, links, clock, close });
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Looks at everything that {@link openAuthority} would take from this machine, and makes the link key file
 * where there is none.
 *
 * @throws {AccessError}
 */
export async function checkAccess(
  settings: AccessSettings,
  parts: Pick<AuthorityParts, "fileSystem"> = {},
): Promise<void> {
  // No timer runs and nothing is fetched: all that counts is what it throws.
  const clock: Clock = { nowMs: () => Date.now(), setTimer: () => () => {} };
  const fetch: Fetch = () => Promise.resolve(new Response(null, { status: 503 }));
  const { jwt, ...rest } = settings;
  if (jwt?.jwksUrl === undefined) {
    return (await openAuthority(settings, { ...parts, clock, fetch })).close();
  }
  checkJwksUrl(jwt.jwksUrl);
  checkJwt(jwt);
  claimGrants(settings.rules ?? []);
  if (rest.tokens !== undefined || rest.linkKey !== undefined) {
    (await openAuthority(rest, { ...parts, clock })).close();
  }
}

interface JwtParts {
  readonly clock: Clock;
  readonly fileSystem: FileSystem;
  readonly fetch: Fetch;
  onChange(): void;
  onClose(close: () => void): void;
}

async function openJwt(
  settings: JwtSettings,
  grants: ClaimGrants,
  { clock, fileSystem, fetch, onChange, onClose }: JwtParts,
): Promise<JwtAuthority> {
  const { keyFile, jwksUrl, audience, issuer, clockToleranceMs } = checkJwt(settings);
  let keys: KeySource;
  if (jwksUrl !== undefined) {
    const remote = new RemoteKeys(jwksUrl, { fetch, clock, onChange });
    onClose(() => remote.close());
    await remote.refresh();
    keys = remote;
  } else {
    keys = await FileKeys.open(keyFile ?? "", { fileSystem, clock, onChange });
    onClose(() => keys.close());
  }
  const rules = {
    audience,
    issuer,
    clockToleranceMs: clockToleranceMs ?? DEFAULT_CLOCK_TOLERANCE_MS,
  };
  return new JwtAuthority(new JwtVerifier(keys, rules, clock), grants);
}

function checkJwt(settings: JwtSettings): JwtSettings {
  const { keyFile, jwksUrl, audience } = settings;
  if ((keyFile === undefined) === (jwksUrl === undefined)) {
    throw new AccessError("The keys of JWTs are expected either from a file or from a URL.");
  }
  if (audience === "") throw new AccessError("The audience of JWTs is empty: expected a text.");
  return settings;
}

function claimGrants(rules: NonNullable<AccessSettings["rules"]>): ClaimGrants {
  try {
    return new ClaimGrants(rules);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AccessError(error.message);
  }
}
