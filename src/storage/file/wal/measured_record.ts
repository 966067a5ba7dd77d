import type { Bytes } from "../../../protocol/bytes.ts";

/** A record ready to be put into a batch. */
export interface MeasuredRecord {
  readonly lengthBytes: number;
  /**
   * Writes the record.
   *
   * @param view of the same bytes as `into`: made once for a batch, since each costs an allocation
   */
  encode(into: Bytes, view: DataView, at: number): void;
}
