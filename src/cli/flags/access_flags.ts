import type { AccessSettings, JwtSettings } from "../../access/access_settings.ts";
import { DEFAULT_CLOCK_TOLERANCE_MS, DEFAULT_MAX_VERDICTS } from "../../access/access_settings.ts";
import { parseRules } from "../../access/access_rule.ts";
import { checkJwksUrl } from "../../access/jwt/remote_keys.ts";
import { AccessError } from "../../access/access_error.ts";
import { isLoopback } from "../../protocol/loopback.ts";
import {
  dependentTextFlag,
  durationFlag,
  fileFlag,
  type FlagTable,
  integerFlag,
  isAccepted,
  switchFlag,
} from "./flag.ts";
import type { FlagValues } from "./flag_values.ts";
import { UsageError } from "./usage_error.ts";

/** The table of the configuration that says what JWTs of certain claims are granted. */
export const RULES_SECTION = "access.rule";

const NONE = "none";
const LONGEST_TOLERANCE_MS = 300_000;

/** The settings of who may do what. */
export const accessFlags = {
  tokens: fileFlag({
    name: "tokens",
    defaultText: NONE,
    help: "Take the tokens of this file, which `token create` makes.",
  }),
  jwtKey: fileFlag({
    name: "jwt-key",
    defaultText: NONE,
    help: "Take JWTs that one of this file's keys signed: a JWK, a JWK set or public keys in PEM.",
  }),
  jwtJwksUrl: dependentTextFlag({
    defaultText: NONE,
    name: "jwt-jwks-url",
    placeholder: "url",
    help: "Take JWTs that one of the keys of the JWK set at this URL signed.",
    accepts: "an https URL, or an http one of this machine",
    check: (text) => isAccepted(() => checkJwksUrl(text), AccessError),
  }),
  jwtAudience: dependentTextFlag({
    defaultText: NONE,
    name: "jwt-audience",
    placeholder: "text",
    help: "What the aud of JWTs has to be or hold.",
    accepts: "a text such as https://streams.example",
    check: (text) => text !== "",
  }),
  jwtIssuer: dependentTextFlag({
    defaultText: NONE,
    name: "jwt-issuer",
    placeholder: "text",
    help: "What the iss of JWTs has to be; unless given it isn't looked at.",
    accepts: "a text such as https://login.example",
    check: (text) => text !== "",
  }),
  jwtClockToleranceMs: durationFlag({
    name: "jwt-clock-tolerance",
    min: 0,
    max: LONGEST_TOLERANCE_MS,
    default: DEFAULT_CLOCK_TOLERANCE_MS,
    help: "How far the clocks of those who make JWTs may be from this machine's.",
  }),
  linkKey: fileFlag({
    name: "link-key",
    defaultText: NONE,
    help:
      "Take links that are signed with this file's keys, as `link` makes them; the file is made where " +
      "there is none.",
  }),
  maxVerdicts: integerFlag({
    name: "max-cached-tokens",
    min: 16,
    max: 10_000_000,
    default: DEFAULT_MAX_VERDICTS,
    help: "How many tokens and links are remembered once they are verified.",
  }),
  insecure: switchFlag({
    name: "insecure",
    help:
      "Serve other machines without access control: whoever reaches the server can read, write and " +
      "delete its streams.",
  }),
} satisfies FlagTable;

/**
 * What the flags and the configuration's rules say of access; `undefined` where nobody is asked who they are.
 *
 * @param host where the server listens
 * @throws {UsageError} where they don't go together, and where other machines would reach a server that asks
 * nobody
 */
export function accessSettings(
  values: FlagValues,
  host: string,
): AccessSettings | undefined {
  const tokens = values.get(accessFlags.tokens);
  const linkKey = values.get(accessFlags.linkKey);
  const jwt = jwtSettings(values);
  const insecure = values.get(accessFlags.insecure);
  const rules = parseRules(values.extra[RULES_SECTION] ?? []);
  if (rules.length > 0 && jwt === undefined) {
    throw new UsageError(
      `${RULES_SECTION} says what JWTs of certain claims may do, and nothing says whose JWTs are taken; ` +
        "accepted: with --jwt-key or --jwt-jwks-url",
    );
  }
  if (tokens === undefined && linkKey === undefined && jwt === undefined) {
    if (insecure || isLoopback(host)) return undefined;
    throw new UsageError(
      `--host is ${host}, which other machines reach, and nothing says who may do what: give --tokens, ` +
        "--jwt-key or --jwt-jwks-url, or --insecure to let everybody read, write and delete",
    );
  }
  if (insecure) {
    throw new UsageError(
      "--insecure says that nobody is asked who they are, and --tokens, --jwt-key, --jwt-jwks-url or " +
        "--link-key that everybody is; accepted: one of both",
    );
  }
  return {
    maxVerdicts: values.get(accessFlags.maxVerdicts),
    ...(rules.length === 0 ? {} : { rules }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(linkKey === undefined ? {} : { linkKey }),
    ...(jwt === undefined ? {} : { jwt }),
  };
}

function jwtSettings(values: FlagValues): JwtSettings | undefined {
  const keyFile = values.get(accessFlags.jwtKey);
  const jwksUrl = values.get(accessFlags.jwtJwksUrl);
  const audience = values.get(accessFlags.jwtAudience);
  const issuer = values.get(accessFlags.jwtIssuer);
  if (keyFile === undefined && jwksUrl === undefined) {
    if (audience === undefined && issuer === undefined) return undefined;
    throw new UsageError(
      "--jwt-audience or --jwt-issuer is given and no keys of JWTs; accepted: with --jwt-key or " +
        "--jwt-jwks-url",
    );
  }
  if (keyFile !== undefined && jwksUrl !== undefined) {
    throw new UsageError("--jwt-key and --jwt-jwks-url both have the keys of JWTs; accepted: one");
  }
  if (audience === undefined) {
    throw new UsageError(
      "--jwt-audience is missing: without it a token for any other service would be good here",
    );
  }
  return {
    audience,
    clockToleranceMs: values.get(accessFlags.jwtClockToleranceMs),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(jwksUrl === undefined ? {} : { jwksUrl }),
    ...(issuer === undefined ? {} : { issuer }),
  };
}
