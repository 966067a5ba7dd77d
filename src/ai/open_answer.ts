import type { Client } from "../client/client.ts";
import { ClientError } from "../client/errors/client_error.ts";
import { headerChunk, headerOf, isInternal, type UiChunk } from "./ui_chunk.ts";

/** An answer's stream, as a worker finds it. */
export interface OpenedAnswer {
  /** This call has made it. */
  readonly isNew: boolean;
  /** `running`, or how it ended. */
  readonly state: "running" | "finished" | "stopped" | "failed";
  /** What is there of the answer. */
  readonly before: readonly UiChunk[];
}

/** Makes the stream of an answer, or finds out what is in it. */
export async function openAnswer(
  client: Client,
  path: string,
  { leaseMs, ttlSeconds }: { leaseMs: number; ttlSeconds: number | undefined },
): Promise<OpenedAnswer> {
  const run = crypto.randomUUID();
  const isThere = await client.create(path, {
    contentType: "application/json",
    initialData: JSON.stringify([headerChunk({ run, leaseMs })]),
    ttlSeconds,
  }).then(({ created }) => !created, (error: unknown) => {
    // Ended, or with another time to live.
    if (error instanceof ClientError && error.code === "conflict") return true;
    throw error;
  });
  if (!isThere) return { isNew: true, state: "running", before: [] };
  const reader = client.reader(path, { readMode: "catch-up" });
  const chunks = await reader.allJson<UiChunk>();
  const [first] = chunks;
  // A create that was sent twice, since its answer was lost, is ours all the same.
  const isNew = first !== undefined && headerOf(first)?.run === run;
  const before = chunks.filter((chunk) => !isInternal(chunk));
  return { isNew, before, state: reader.closed ? endOf(chunks.at(-1)) : "running" };
}

function endOf(last: UiChunk | undefined): "finished" | "stopped" | "failed" {
  if (last?.type === "finish") return "finished";
  return last?.type === "abort" ? "stopped" : "failed";
}
