import type { RateOptions } from "../../server/common/limit_options.ts";
import { parseNetworks, PROXIES_FORM } from "../../server/limits/client_addresses.ts";
import { Quota, type QuotaOptions } from "../../storage/quota_account.ts";
import { BadValue, dependentTextFlag, type Flag, type FlagTable, isAccepted } from "./flag.ts";
import { parseSize, UnitError } from "./units.ts";

const NONE = "none";
const MOST = 1_000_000_000;
/** Clients that come back with what is no good any more are some tens at an address. */
const FAILED_TOKENS: RateOptions = { perSecond: 20, burst: 100 };

/** The form of a quota, for messages and help. */
const QUOTA_FORM =
  "PATTERN = SIZE, or PATTERN = N streams, or both (users/*/** = 1GiB, 1000 streams)";

/** The settings of `serve` about what one client may do, and how much may be stored. */
export const limitFlags = {
  clientRequests: rateFlag({
    name: "client-requests",
    placeholder: "N/s",
    parseNumber: parseCount,
    example: "100/s, or 100/s burst 500",
    help: "How many requests one client may send a second, and how many at once: as many, unless " +
      "burst says otherwise. One more is answered 429.",
  }),
  clientBytes: rateFlag({
    name: "client-bytes",
    placeholder: "SIZE/s",
    parseNumber: parseBytes,
    example: "1MiB/s, or 1MiB/s burst 16MiB",
    help: "How many bytes of bodies one client may send a second, and as many fetch by reads. " +
      "After more than that it is answered 429 for as long as they would have taken.",
  }),
  clientReaders: optionalCount({
    name: "client-readers",
    help:
      "How many long-polls and SSE responses one client may have open; one more is answered 429.",
  }),
  clientFailedTokens: {
    ...rateFlag({
      name: "client-failed-tokens",
      placeholder: "N/s",
      parseNumber: parseCount,
      example: "20/s, or 20/s burst 100",
      help:
        "How many JWTs of one address may turn out to be no good a second, and how many at once. " +
        "Past that, those that weren't good before are answered 429 and not verified.",
    }),
    default: FAILED_TOKENS,
    defaultText: "20/s burst 100",
  },
  quotas: quotaFlag(),
  trustedProxies: {
    ...dependentTextFlag({
      name: "trusted-proxies",
      placeholder: "networks",
      defaultText: "the one that connects, whatever its address",
      help:
        "With --trust-proxy, the addresses of all proxies that are believed about who asked them. " +
        "Several by commas, or by the flag given again.",
      accepts: PROXIES_FORM,
      check: (text) => isAccepted(() => parseNetworks(text)),
    }),
    repeatable: true,
  },
} satisfies FlagTable;

interface Named {
  name: string;
  help: string;
}

function rateFlag(
  spec: Named & {
    placeholder: string;
    parseNumber: (text: string) => number;
    example: string;
  },
): Flag<RateOptions | undefined> {
  return {
    ...spec,
    accepts: `${NONE}, or ${spec.example}`,
    default: undefined,
    defaultText: NONE,
    parse(text) {
      if (text === NONE) return undefined;
      const [, perSecond = "", , burst] = /^(\w+)\/s(,? burst (\w+))?$/.exec(text) ?? [];
      const rate = { perSecond: spec.parseNumber(perSecond) };
      return burst === undefined ? rate : { ...rate, burst: spec.parseNumber(burst) };
    },
  };
}

function optionalCount(spec: Named): Flag<number | undefined> {
  return {
    ...spec,
    placeholder: "number",
    accepts: `${NONE}, or a whole number from 1 to ${MOST}`,
    default: undefined,
    defaultText: NONE,
    parse: (text) => text === NONE ? undefined : parseCount(text),
  };
}

function quotaFlag(): Flag<readonly QuotaOptions[] | undefined> {
  return {
    name: "quota",
    placeholder: "quota",
    help:
      "How much may be stored in the streams whose names a pattern matches, for each filling of " +
      "its *: 'users/*/** = 1GiB, 1000 streams'. More is answered 507. Several by the flag given " +
      "again, or a line each.",
    accepts: `${NONE}, or ${QUOTA_FORM}, with no * behind a **`,
    default: undefined,
    defaultText: NONE,
    repeatable: true,
    parse(text) {
      if (text === NONE) return undefined;
      const lines = text.split("\n").filter((line) => line.trim() !== "");
      return lines.map(parseQuota);
    },
  };
}

function parseQuota(line: string): QuotaOptions {
  const at = line.lastIndexOf("=");
  if (at < 0) throw new BadValue();
  let quota: QuotaOptions = { pattern: line.slice(0, at).trim() };
  for (const part of line.slice(at + 1).split(",")) {
    const [, streams] = /^\s*(\d+) streams?\s*$/.exec(part) ?? [];
    const found = streams === undefined ? { bytes: parseBytes(part.trim()) } : {
      streams: parseCount(streams),
    };
    const isTwice = Object.keys(found).some((key) => key in quota);
    if (isTwice) throw new BadValue();
    quota = { ...quota, ...found };
  }
  if (!isAccepted(() => new Quota(quota))) throw new BadValue();
  return quota;
}

function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MOST) return count;
  throw new BadValue();
}

function parseBytes(text: string): number {
  try {
    const bytes = parseSize(text);
    if (bytes >= 1) return bytes;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
  }
  throw new BadValue();
}
