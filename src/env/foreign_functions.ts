import process from "node:process";

/** The part of `bun:ffi` that is used. */
export interface ForeignFunctions {
  dlopen(
    library: string,
    functions: Record<string, { args: readonly string[]; returns: string }>,
  ): { symbols: Record<string, (...args: (number | bigint)[]) => number | bigint> };
  ptr(view: ArrayBufferView): number;
}

/** Bun's way to call the system; `undefined` on any other runtime. */
export function foreignFunctions(): ForeignFunctions | undefined {
  if (process.versions["bun"] === undefined) return undefined;
  const module: unknown = process.getBuiltinModule("bun:ffi");
  return isForeign(module) ? module : undefined;
}

function isForeign(value: unknown): value is ForeignFunctions {
  return typeof value === "object" && value !== null && "dlopen" in value && "ptr" in value &&
    typeof value.dlopen === "function" && typeof value.ptr === "function";
}
