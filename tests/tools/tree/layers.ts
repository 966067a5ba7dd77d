/** A folder (or file) of the program, and what it may import beside itself. */
interface Layer {
  readonly path: string;
  readonly below: readonly string[];
}

/** The rooms of the program, lowest first: an import only ever points to a lower one. */
export const LAYERS: readonly Layer[] = [
  { path: "src/protocol", below: [] },
  { path: "src/env", below: ["src/protocol"] },
  { path: "src/http", below: ["src/protocol", "src/env"] },
  { path: "src/listen", below: ["src/protocol", "src/env", "src/http"] },
  { path: "src/storage", below: ["src/protocol", "src/env"] },
  { path: "src/storage/file", below: ["src/protocol", "src/env", "src/storage"] },
  { path: "src/storage/remote", below: ["src/protocol", "src/env", "src/storage"] },
  {
    path: "src/storage/file/maintenance",
    below: ["src/protocol", "src/env", "src/storage", "src/storage/file"],
  },
  { path: "src/storage/nats", below: ["src/protocol", "src/env", "src/storage"] },
  { path: "src/subscription", below: ["src/protocol", "src/env", "src/storage"] },
  {
    path: "src/server",
    below: [
      "src/protocol",
      "src/env",
      "src/http",
      "src/listen",
      "src/storage",
      "src/subscription",
    ],
  },
  { path: "src/client", below: ["src/protocol", "src/env"] },
  {
    path: "src/mod.ts",
    below: [
      "src/protocol",
      "src/env",
      "src/http",
      "src/listen",
      "src/storage",
      "src/storage/file",
      "src/storage/file/maintenance",
      "src/storage/nats",
      "src/subscription",
      "src/server",
      "src/client",
    ],
  },
  {
    path: "src/cli",
    below: [
      "src/protocol",
      "src/env",
      "src/http",
      "src/listen",
      "src/storage",
      "src/storage/file",
      "src/storage/file/maintenance",
      "src/storage/remote",
      "src/storage/nats",
      "src/subscription",
      "src/server",
      "src/client",
      "src/mod.ts",
    ],
  },
  { path: "main.ts", below: ["src/cli", "src/mod.ts"] },
];

/** The modules of the runtime that only some rooms may use. */
export const GUARDED: ReadonlyMap<string, readonly string[]> = new Map([
  ["node:fs", ["src/env"]],
  ["node:fs/promises", ["src/env"]],
  ["node:sqlite", ["src/storage/file", "src/storage/file/maintenance"]],
  ["node:path", ["src/env", "src/storage/file", "src/storage/file/maintenance", "src/cli"]],
]);

/** The room that a file is in: of nested ones the innermost. */
export function layerOf(path: string): Layer | undefined {
  return LAYERS.filter((layer) => path === layer.path || path.startsWith(`${layer.path}/`))
    .reduce<Layer | undefined>(
      (inner, layer) =>
        inner === undefined || layer.path.length > inner.path.length ? layer : inner,
      undefined,
    );
}
