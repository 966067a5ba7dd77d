import { randomBytes } from "node:crypto";

/** An id that no wake ever had: 128 bits at random. */
export function newWakeId(): string {
  return `w_${randomBytes(16).toString("base64url")}`;
}
