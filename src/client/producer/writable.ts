import type { Data } from "./body.ts";

/** How a `WritableStream` of a writer or producer ends. */
export interface WritableOptions {
  /** Closing it closes the stream on the server too; false. */
  close?: boolean | undefined;
}

/** The target of the chunks of a {@link writableTo}. */
export interface ChunkSink {
  send(chunk: Data): Promise<unknown>;
  /** Resolves when all is stored, and the stream closed if that was requested. */
  finish(): Promise<unknown>;
}

/** A `WritableStream` whose chunks are appended, one after the other. */
export function writableTo(sink: ChunkSink): WritableStream<Data> {
  return new WritableStream<Data>({
    write: async (chunk) => {
      await sink.send(chunk);
    },
    close: async () => {
      await sink.finish();
    },
  });
}
