import type { StreamInfo } from "../../client/transport/stream_info.ts";
import { encodeUtf8 } from "../../protocol/bytes.ts";
import { EXIT } from "../context/exit_code.ts";
import { colorsOn, dim } from "./output/color.ts";
import { jsonOutputFlag } from "../flags/common_flags.ts";
import { infoObject, printJson } from "./output/stream_info.ts";
import { compactionWords } from "../flags/compaction_flag.ts";
import { retentionWords } from "../flags/retention_flags.ts";
import { onlyName } from "./session/session.ts";
import { PATH, streamCommand, type StreamTask } from "./session/stream_command.ts";

/** `durable-streams head PATH`: a stream's properties and tail. */
export const headCommand = streamCommand({
  name: "head",
  summary:
    "Print what a stream is: its type, its tail, whether it is closed, when it expires, what is kept.",
  examples: [
    ["durable-streams head logs/demo", "its type, tail and end, one per line"],
    ["durable-streams head logs/demo --json", "the same for programs"],
  ],
  args: [PATH],
  flags: { json: jsonOutputFlag },
  run,
});

async function run({ session, values, context }: StreamTask): Promise<number> {
  const name = onlyName(session);
  const info = await session.client.head(name);
  if (values.get(jsonOutputFlag)) {
    await printJson(context, infoObject(name, info));
    return EXIT.ok;
  }
  const paint = colorsOn(values, context, context.outputIsTerminal) ? dim : (text: string) => text;
  const text = linesOf(info).map(([label, value]) => `${paint(label.padEnd(14))}${value}\n`);
  await context.write(encodeUtf8(text.join("")));
  return EXIT.ok;
}

function linesOf(info: StreamInfo): readonly (readonly [label: string, value: string])[] {
  const { contentType, nextOffset, closed, ttlSeconds, expiresAt } = info;
  const { earliestOffset, retention, compaction } = info;
  return [
    ["content-type", contentType ?? "unknown"],
    ["next-offset", nextOffset],
    ["closed", closed ? "yes" : "no"],
    ...(ttlSeconds === undefined ? [] : [["ttl", `${ttlSeconds}s`] as const]),
    ...(expiresAt === undefined ? [] : [["expires-at", expiresAt.toISOString()] as const]),
    ...(earliestOffset === undefined ? [] : [["earliest", earliestOffset] as const]),
    ...(retention === undefined ? [] : [["retention", retentionWords(retention)] as const]),
    ...(compaction === undefined ? [] : [["compaction", compactionWords(compaction)] as const]),
  ];
}
