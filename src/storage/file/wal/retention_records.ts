import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { getU64, putU64, viewOf } from "../../little_endian.ts";
import { decodePolicies, encodePolicies } from "../../policies.ts";
import type { PoliciesRecord, TrimRecord } from "../../records.ts";
import type { MeasuredRecord } from "./measured_record.ts";

/** The records of what is kept of a stream (FORMAT.md, "records"). */

/** The first byte of a trim. */
export const TRIM = 5;
/** That of a change of policies. */
export const POLICIES = 6;

const TRIM_BYTES = 34;
const POLICIES_BYTES = 18;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Measures a trim. */
export function measureTrim({ id, atMs, earliest, messages }: TrimRecord): MeasuredRecord {
  return {
    lengthBytes: TRIM_BYTES,
    encode: (_into, view, at) => {
      view.setUint8(at, TRIM);
      view.setUint8(at + 1, 0);
      putU64(view, at + 2, id);
      putU64(view, at + 10, atMs);
      putU64(view, at + 18, earliest);
      putU64(view, at + 26, messages);
    },
  };
}

/** Measures a change of policies, its text encoded already. */
export function measurePolicies({ id, atMs, policies }: PoliciesRecord): MeasuredRecord {
  const text = encodeUtf8(encodePolicies(policies) ?? "");
  return {
    lengthBytes: POLICIES_BYTES + text.length,
    encode: (into, view, at) => {
      view.setUint8(at, POLICIES);
      view.setUint8(at + 1, 0);
      putU64(view, at + 2, id);
      putU64(view, at + 10, atMs);
      into.set(text, at + POLICIES_BYTES);
    },
  };
}

/** The trim in `bytes`, which have passed their checksum. */
export function decodeTrim(bytes: Bytes): TrimRecord {
  const view = viewOf(bytes);
  return {
    kind: "trim",
    id: getU64(view, 2),
    atMs: getU64(view, 10),
    earliest: getU64(view, 18),
    messages: getU64(view, 26),
  };
}

/** The change of policies in `bytes`, which have passed their checksum. */
export function decodePoliciesRecord(bytes: Bytes): PoliciesRecord {
  const view = viewOf(bytes);
  const text = utf8.decode(bytes.subarray(POLICIES_BYTES));
  return {
    kind: "policies",
    id: getU64(view, 2),
    atMs: getU64(view, 10),
    policies: text === "" ? undefined : decodePolicies(text),
  };
}
