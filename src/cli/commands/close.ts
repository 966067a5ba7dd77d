import { EXIT } from "../context/exit_code.ts";
import { onlyName } from "./session/session.ts";
import { PATH, streamVerb } from "./stream_command.ts";

/** `durable-streams close PATH`: no more appends. */
export const closeVerb = streamVerb({
  name: "close",
  summary: "Close a stream: it takes no more appends, and readers see that it is complete.",
  details: "\nClosing a closed stream is fine. A closed stream can't be reopened.",
  examples: [
    ["durable-streams close logs/demo", "readers see that it is complete"],
  ],
  words: [PATH],
  flags: {},
  async run({ session }) {
    await session.client.close(onlyName(session));
    return EXIT.ok;
  },
});
