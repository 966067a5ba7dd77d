import type { HeaderFields } from "../../http/handler.ts";
import { StreamError } from "../../protocol/errors.ts";
import { STREAM_EARLIEST_OFFSET, STREAM_RETENTION } from "../../protocol/headers.ts";
import { formatOffset } from "../../protocol/offset.ts";
import { formatRetention } from "../../protocol/retention.ts";
import type { Storage, StreamInfo } from "../../storage/storage.ts";

/** What is kept of a stream, where that isn't all of it for ever. */
export type KeptPart = Pick<StreamInfo, "space" | "earliest" | "policies">;

/** Whether anything of a stream went, or may go by itself. */
export function losesMessages({ earliest, policies }: KeptPart): boolean {
  return earliest > 0 || policies?.retention !== undefined;
}

/** Adds the headers that say what is kept of a stream (an extension); none where all is. */
export function addKeptHeaders(headers: HeaderFields, info: KeptPart): void {
  if (info.earliest > 0) headers[STREAM_EARLIEST_OFFSET] = formatOffset(info.space, info.earliest);
  addPolicyHeaders(headers, info.policies);
}

/** Adds the headers of policies (an extension). */
export function addPolicyHeaders(headers: HeaderFields, policies: KeptPart["policies"]): void {
  if (policies?.retention !== undefined) {
    headers[STREAM_RETENTION] = formatRetention(policies.retention);
  }
}

/**
 * Checks that a storage can let go of what is old.
 *
 * @throws {StreamError} `retention_unsupported`
 */
export function checkRetention(
  storage: Storage,
): asserts storage is Storage & Required<Pick<Storage, "update">> {
  if (storage.update !== undefined) return;
  throw new StreamError(
    { code: "retention_unsupported" },
    "This server's storage keeps all of every stream: it takes no retention and trims nothing.",
  );
}
