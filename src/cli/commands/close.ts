import { EXIT } from "../context/exit_code.ts";
import { onlyName } from "./session/session.ts";
import { PATH, streamCommand } from "./session/stream_command.ts";

/** `durable-streams close PATH`: ends a stream, which takes no more appends. */
export const closeCommand = streamCommand({
  name: "close",
  summary: "Close a stream: it takes no more appends, and readers see that it is complete.",
  details: "\nClosing a closed stream is fine. A closed stream can't be reopened.",
  examples: [
    ["durable-streams close logs/demo", "readers see that it is complete"],
  ],
  args: [PATH],
  flags: {},
  async run({ session }) {
    await session.client.close(onlyName(session));
    return EXIT.ok;
  },
});
