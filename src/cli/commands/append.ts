import { sendAppend } from "../../client/transport/append_request.ts";
import { ClientError } from "../../client/errors/client_error.ts";
import type { Bytes } from "../../protocol/bytes.ts";
import { CommandError } from "../context/command_error.ts";
import { EXIT } from "../context/exit_code.ts";
import type { FlagValues } from "../flags/flag_values.ts";
import { integerFlag, onSwitchFlag, optionalFlag, switchFlag, textFlag } from "../flags/flag.ts";
import { UsageError } from "../flags/usage_error.ts";
import { appendLines } from "./input/append_lines.ts";
import { contentTypeFlag, dataFlag } from "../flags/common_flags.ts";
import { ensureStream, type KnownStream } from "./session/ensure_stream.ts";
import { onlyName } from "./session/session.ts";
import { OUTCOME_UNKNOWN } from "./session/retry_notices.ts";
import { PATH, streamCommand, type StreamTask } from "./session/stream_command.ts";
import { readContent } from "./input/text_input.ts";

const flags = {
  lines: switchFlag({
    name: "lines",
    help: "Each line is a message; they are sent in batches, as they come.",
    commandLineOnly: true,
  }),
  json: switchFlag({
    name: "json",
    help: "The input is JSON, with --lines one value per line.",
    commandLineOnly: true,
  }),
  data: dataFlag,
  producer: optionalFlag(textFlag({
    name: "producer",
    placeholder: "id",
    default: "",
    help: "Makes it safe to run this again with the same id and input: nothing is appended twice.",
    accepts: "a name of your choice, in ASCII",
    check: isHeaderText,
    commandLineOnly: true,
  })),
  epoch: optionalFlag(integerFlag({
    name: "epoch",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: 0,
    help: "A new epoch of the --producer: for other input than before, or to fence off a hung run.",
    commandLineOnly: true,
  })),
  contentType: contentTypeFlag,
  create: onSwitchFlag({
    name: "create",
    help: "Fail if the stream is missing, rather than create it.",
    commandLineOnly: true,
  }),
  seq: optionalFlag(textFlag({
    name: "seq",
    placeholder: "text",
    default: "",
    help: "Refused unless it sorts after the last one, byte by byte (Stream-Seq).",
    accepts: "text in ASCII",
    check: isHeaderText,
    commandLineOnly: true,
  })),
  close: switchFlag({
    name: "close",
    help: "Close the stream with this append.",
    commandLineOnly: true,
  }),
};

/** `durable-streams append PATH`: appends stdin to a stream. */
export const appendCommand = streamCommand({
  name: "append",
  summary: "Append stdin to a stream: whole, or with --lines line by line.",
  details: `
Without --lines all of stdin is one append: it is stored whole or not at all. With --lines each
line is a message, its end included; in a JSON stream each line is one value, and blank lines
don't count. The stream is created where it is missing, as --content-type, else as
application/json with --json, else as text/plain; charset=utf-8.

--producer ID makes it safe to run the same command again after a failure: what was appended is
not appended again. That holds only as long as the input is the same from its beginning, and
--lines, --json and --epoch are too. Other input needs another id, or the next --epoch.`,
  examples: [
    ["echo hello | durable-streams append logs/demo", "one append"],
    ["seq 1 1000 | durable-streams append logs/demo --lines", "each line a message, in batches"],
    [`durable-streams append users --json --data '{"user":1}'`, "a value of a JSON stream"],
    [
      "durable-streams append import --lines --producer import-1 < all.txt",
      "can be run again: nothing is stored twice",
    ],
  ],
  args: [PATH],
  flags,
  run,
});

async function run(task: StreamTask): Promise<number> {
  const { session, values } = task;
  checkTogether(values);
  const lines = values.get(flags.lines);
  // Read before the stream is created, so that input that never ends leaves no stream behind.
  const content = lines ? undefined : await readContent(values.get(flags.data), task.context);
  const stream = await ensureStream(session, {
    contentType: values.get(flags.contentType),
    json: values.get(flags.json),
    create: values.get(flags.create),
  });
  if (content === undefined) {
    await appendLines(task, stream, {
      producer: values.get(flags.producer),
      epoch: values.get(flags.epoch) ?? 0,
      close: values.get(flags.close),
    });
  } else {
    await appendWhole(task, stream, content);
  }
  return EXIT.ok;
}

async function appendWhole(task: StreamTask, stream: KnownStream, body: Bytes): Promise<void> {
  const { session, values } = task;
  const close = values.get(flags.close);
  const id = values.get(flags.producer);
  if (body.length === 0 && !close) return;
  try {
    await sendAppend(session.connection, onlyName(session), {
      contentType: stream.contentType,
      body,
      close,
      seq: values.get(flags.seq),
      producer: id === undefined ? undefined : { id, epoch: values.get(flags.epoch) ?? 0, seq: 0 },
    });
  } catch (error) {
    const isUnknown = error instanceof ClientError && OUTCOME_UNKNOWN.has(error.code);
    if (!isUnknown || id !== undefined) throw error;
    throw new CommandError(
      `${session.shownUrl} gave no answer, so it may or may not have been appended; --producer ID ` +
        "makes it safe to run this again",
      EXIT.unavailable,
    );
  }
}

function checkTogether(values: FlagValues): void {
  const given = (flag: Parameters<FlagValues["get"]>[0]) => values.get(flag) !== undefined;
  if (values.get(flags.lines) && given(flags.data)) {
    throw new UsageError("--data is one append, and --lines reads stdin; accepted: one of them");
  }
  if (values.get(flags.lines) && given(flags.seq)) {
    throw new UsageError("--seq goes with one append, not with --lines; accepted: one of them");
  }
  if (given(flags.epoch) && !given(flags.producer)) {
    throw new UsageError("--epoch needs --producer; accepted: both");
  }
}

/** Whether a header transmits the text unchanged. */
function isHeaderText(text: string): boolean {
  return /^[\x21-\x7e]+( +[\x21-\x7e]+)*$/.test(text);
}
