import { ClientError } from "../errors/client_error.ts";
import type { Message } from "./message.ts";
import type { StandardSchema, ValidationIssue } from "./standard_schema.ts";

/**
 * A message's value as the schema returns it.
 *
 * @throws {ClientError} `invalid_message` if the schema rejects it, with the place after it
 */
export async function validate<T>(
  message: Message,
  schema: StandardSchema<unknown, T>,
): Promise<T> {
  const result = await schema["~standard"].validate(message.json());
  if (result.issues === undefined) return result.value;
  throw new ClientError(
    "invalid_message",
    `The message before ${message.offset} is not valid: ${result.issues.map(describe).join("; ")}`,
    { offset: message.offset },
  );
}

function describe({ message, path = [] }: ValidationIssue): string {
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  return keys.length === 0 ? message : `${keys.join(".")}: ${message}`;
}
