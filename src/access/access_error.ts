/** Why access control can't be set up: a file or setting of it is missing or wrong. The message has no secret. */
export class AccessError extends Error {
  override readonly name = "AccessError";
}
