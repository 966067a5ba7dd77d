import { decodePolicies, type StreamPolicies } from "../../policies.ts";
import { MalformedFrame } from "./binary.ts";

/**
 * The policies of a text that is stored.
 *
 * @throws {MalformedFrame}
 */
export function readPolicies(text: string): StreamPolicies {
  try {
    return decodePolicies(text);
  } catch (error) {
    if (error instanceof RangeError) throw new MalformedFrame(error.message);
    throw error;
  }
}
