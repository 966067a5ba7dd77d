import { signal } from "@preact/signals";
import { config, streamsUrl } from "../api/config.ts";

/** So many streams that were looked at are remembered. */
const RECENT = 12;
const PINNED = 50;

/** The streams that were looked at, the last one first. */
export const recent = signal<readonly string[]>(load("recent"));
/** The streams that somebody keeps at hand. */
export const pinned = signal<readonly string[]>(load("pinned"));

/** Tells that a stream was looked at. */
export function rememberRecent(name: string): void {
  recent.value = [name, ...recent.value.filter((other) => other !== name)].slice(0, RECENT);
  store("recent", recent.value);
}

/** Whether a stream is kept at hand. */
export function isPinned(name: string): boolean {
  return pinned.value.includes(name);
}

/** Keeps a stream at hand, or no longer. */
export function togglePin(name: string): void {
  pinned.value = isPinned(name)
    ? pinned.value.filter((other) => other !== name)
    : [...pinned.value, name].slice(-PINNED);
  store("pinned", pinned.value);
}

/** Forgets the names that go with a token. */
export function forgetMarked(): void {
  if (!config.access) return;
  recent.value = [];
  pinned.value = [];
}

/** Names are secrets where a token is asked for: then they go with the page, as the token does. */
function keyOf(kind: string): string | undefined {
  return config.access ? undefined : `durable-streams ${kind} ${streamsUrl}`;
}

function load(kind: string): readonly string[] {
  const key = keyOf(kind);
  if (key === undefined) return [];
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

function store(kind: string, names: readonly string[]): void {
  const key = keyOf(kind);
  if (key === undefined) return;
  try {
    localStorage.setItem(key, JSON.stringify(names));
  } catch {
    // A browser that keeps nothing: they are there until the page goes.
  }
}
