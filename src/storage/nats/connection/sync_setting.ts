import { numberIn, objectIn, parseObject } from "./json.ts";
import type { SyncSetting } from "../jetstream.ts";

const TIMEOUT_MS = 2_000;
const LIMIT_BYTES = 1024 * 1024;
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
    const text = await limitedText(response);
    const config = objectIn(objectIn(parseObject(text)["jetstream"])["config"]);
    if (config["sync_always"] === true) return { kind: "always" };
    const intervalMs = numberIn(config["sync_interval"]) / 1e6;
    return intervalMs > 0 ? { kind: "interval", intervalMs } : UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}

/** The text of an answer; an empty one where that is too long, of which no more is read. */
async function limitedText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > LIMIT_BYTES) return "";
    text += decoder.decode(part, { stream: true });
  }
  return text;
}
