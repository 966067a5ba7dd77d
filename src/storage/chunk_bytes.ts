import { uninitializedBytes } from "../env/uninitialized_bytes.ts";
import type { Bytes } from "../protocol/bytes.ts";

/** Left before JSON for an array's bracket; so many, since the kernel copies to odd addresses slowly. */
const HEADROOM_BYTES = 64;

/** Memory for a chunk, with whatever in it; for JSON with room before it, for an array's bracket. */
export function chunkBytes(lengthBytes: number, isJson: boolean): Bytes {
  return isJson
    ? uninitializedBytes(HEADROOM_BYTES + lengthBytes).subarray(HEADROOM_BYTES)
    : uninitializedBytes(lengthBytes);
}
