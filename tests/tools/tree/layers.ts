import { posix } from "node:path";

/** A room of the program: what it may import beside itself, and the order of what is inside. */
interface Room {
  readonly path: string;
  /** The rooms that any file in it may import, whatever is inside those. */
  readonly below: readonly string[];
  /**
   * Its folders, lowest first, each seeing those of the lines before: `.` is what lies directly in
   * the room, a file by its name is apart from the folder it lies in, and two in one line don't
   * know each other. A room without it is one folder.
   */
  readonly inside?: readonly (readonly string[])[];
}

/** A folder (or a file that stands apart from its folder), as an import of it is judged. */
interface Layer {
  readonly path: string;
  readonly room: Room;
  readonly height: number;
}

const BASE = ["src/protocol", "src/env"];
const COUNTING = [...BASE, "src/metrics", "src/tracing"];
const SERVER = [
  "src/access",
  ...COUNTING,
  "src/http",
  "src/listen",
  "src/storage",
  "src/subscriptions",
  "src/server",
];
const PROGRAM = [...SERVER, "src/client", "src/storage/file"];

/** The rooms of the program, lowest first: an import only ever points to a lower one. */
const ROOMS: readonly Room[] = [
  { path: "src/protocol", below: [] },
  { path: "src/env", below: ["src/protocol"] },
  {
    path: "src/access",
    below: BASE,
    inside: [["."], ["tokens", "jwt", "links"], ["request_authority.ts"], ["open_authority.ts"]],
  },
  { path: "src/metrics", below: BASE },
  { path: "src/tracing", below: BASE },
  { path: "src/http", below: BASE },
  { path: "src/listen", below: [...BASE, "src/http"] },
  {
    path: "src/storage",
    below: COUNTING,
    inside: [["."], ["compaction"], ["subscriptions"], ["memory"], ["memory.ts"]],
  },
  { path: "src/storage/remote", below: [...COUNTING, "src/storage"] },
  {
    path: "src/storage/file",
    below: [...COUNTING, "src/storage"],
    inside: [
      ["directory"],
      ["catalog"],
      ["wal"],
      ["segments"],
      ["snapshots"],
      ["streams"],
      ["compaction"],
      ["."],
      ["backup"],
      ["maintenance/scan"],
      ["maintenance/check"],
      ["maintenance/inspect"],
      ["maintenance/usage"],
      ["maintenance/repair"],
    ],
  },
  {
    path: "src/storage/nats",
    below: [...COUNTING, "src/storage", "src/storage/remote"],
    inside: [
      ["jetstream.ts"],
      ["options.ts"],
      ["format"],
      ["cluster"],
      ["streams"],
      ["reading", "snapshots"],
      ["retention"],
      ["subscriptions"],
      ["."],
      ["connection"],
    ],
  },
  {
    path: "src/subscriptions",
    below: [...COUNTING, "src/storage"],
    inside: [["webhooks"], ["."]],
  },
  {
    path: "src/server",
    below: [
      ...COUNTING,
      "src/access",
      "src/http",
      "src/listen",
      "src/storage",
      "src/subscriptions",
    ],
    inside: [
      ["common"],
      ["urls", "body", "log"],
      ["limits"],
      ["origins"],
      ["access"],
      ["live", "figures"],
      ["verbs"],
      ["subscriptions", "page"],
      ["."],
    ],
  },
  {
    path: "src/client",
    below: BASE,
    inside: [["errors"], ["transport"], ["reader", "producer"], ["subscriptions"], ["."]],
  },
  { path: "src/ai", below: [...BASE, "src/client"] },
  { path: "src/demo", below: [...BASE, "src/client", "src/ai"] },
  {
    path: "src/page",
    below: ["src/protocol"],
    inside: [
      ["api", "checks"],
      ["state", "reading"],
      ["ui"],
      ["dialogs"],
      ["views/find", "views/look", "views/server", "views/subscriptions"],
      ["shell"],
      ["."],
    ],
  },
  { path: "src/mod.ts", below: PROGRAM },
  { path: "src/nats.ts", below: ["src/storage/nats"] },
  {
    path: "src/cli",
    below: [...PROGRAM, "src/storage/nats", "src/storage/remote", "src/demo", "src/mod.ts"],
    inside: [
      ["flags"],
      ["context"],
      ["config"],
      ["commands/output", "commands/completion"],
      ["commands/session"],
      ["commands/input", "commands/reading", "commands/copy"],
      ["commands/archive"],
      ["commands", "maintenance", "serve"],
      ["."],
    ],
  },
  { path: "main.ts", below: ["src/cli", "src/mod.ts"] },
];

const LAYERS: ReadonlyMap<string, Layer> = new Map(
  ROOMS.flatMap((room) =>
    (room.inside ?? [["."]]).flatMap((level, height) =>
      level.map((name) => {
        const path = posix.join(room.path, name);
        return [path, { path, room, height }] as const;
      })
    )
  ),
);

/** The modules of the runtime that only some rooms may use. */
export const GUARDED: ReadonlyMap<string, readonly string[]> = new Map([
  ["node:fs", ["src/env"]],
  ["node:fs/promises", ["src/env"]],
  ["node:sqlite", ["src/storage/file"]],
  ["node:path", ["src/access", "src/env", "src/storage/file", "src/cli"]],
]);

/** The layer that a file is in: its folder's, or its own if it stands apart. */
export function layerOf(path: string): Layer | undefined {
  return LAYERS.get(path) ?? LAYERS.get(posix.dirname(path));
}

/** Whether files of the one may import files of the other. */
export function mayImport(from: Layer, to: Layer): boolean {
  if (from.path === to.path) return true;
  if (from.room !== to.room) return from.room.below.includes(to.room.path);
  return to.height < from.height;
}
