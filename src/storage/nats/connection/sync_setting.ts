import { numberIn, objectIn, parseObject } from "./json.ts";
import type { SyncSetting } from "../jetstream.ts";

const TIMEOUT_MS = 2_000;
const LIMIT_CHARACTERS = 1024 * 1024;
const UNKNOWN: SyncSetting = { kind: "unknown" };

/** What all servers have in common, as their monitoring ports tell: `unknown` where one of them doesn't. */
export async function readSyncSetting(monitorUrls: readonly string[]): Promise<SyncSetting> {
  if (monitorUrls.length === 0) return UNKNOWN;
  const settings = await Promise.all(monitorUrls.map(settingOf));
  let longestMs = 0;
  for (const setting of settings) {
    if (setting.kind === "unknown") return UNKNOWN;
    if (setting.kind === "interval") longestMs = Math.max(longestMs, setting.intervalMs);
  }
  return longestMs === 0 ? { kind: "always" } : { kind: "interval", intervalMs: longestMs };
}

async function settingOf(url: string): Promise<SyncSetting> {
  try {
    const response = await fetch(new URL("/varz", url), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (text.length > LIMIT_CHARACTERS) return UNKNOWN;
    const config = objectIn(objectIn(parseObject(text)["jetstream"])["config"]);
    if (config["sync_always"] === true) return { kind: "always" };
    const intervalMs = numberIn(config["sync_interval"]) / 1e6;
    return intervalMs > 0 ? { kind: "interval", intervalMs } : UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}
