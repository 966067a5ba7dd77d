import type { SeededBug } from "./seeded_bug.ts";

/** What may go wrong where messages are counted. */
export const COUNT_BUGS: readonly SeededBug[] = [
  {
    name: "a stream that comes back from its row counts anew",
    edits: [{
      file: "file/streams/file_stream.ts",
      from: "  const before = row.messages - row.restMessages;\n",
      to: "  const before = 0;\n",
    }],
  },
  {
    name: "readers see a count of what isn't durable",
    edits: [{
      file: "journal.ts",
      from: "    stream.publish(tail, closed, messages);\n",
      to: "    stream.publish(tail, closed);\n",
    }],
  },
  {
    name: "a fork's messages are numbered from 0",
    edits: [{
      file: "read_positions.ts",
      from: "      messages: (point === end.tail ? end.messages : undefined) ??\n" +
        "        await this.#countSource(source, point),\n",
      to: "      messages: 0,\n",
    }],
  },
  {
    name: "what went to a segment isn't counted any more",
    edits: [{
      file: "tail_buffer.ts",
      from:
        "    this.#startMessages = this.#blocks[blocks - 1]?.messages ?? this.#startMessages;\n",
      to: "",
    }],
  },
];
