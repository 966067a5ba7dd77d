import { deepStrictEqual as equal, ok, rejects, throws } from "node:assert";
import { type Failure, type FailureCode, StreamError } from "../../src/protocol/errors.ts";
import {
  DirectoryError,
  type DirectoryErrorCode,
} from "../../src/storage/file/directory/damage.ts";

/** The call is refused with this code, and with what else of the failure is named. */
export async function rejectsWith(
  call: Promise<unknown>,
  expected: FailureCode | Failure,
  message = /./,
): Promise<void> {
  await rejects(call, (error) => {
    ok(error instanceof StreamError, `a StreamError was expected, not ${error}`);
    if (typeof expected === "string") equal(error.code, expected);
    else equal(error.failure, expected);
    ok(message.test(error.message), `${error.message} doesn't match ${message}`);
    return true;
  });
}

/** The directory isn't opened, and the message names what to look at. */
export async function notOpened(
  call: Promise<unknown>,
  code: DirectoryErrorCode,
  message: RegExp,
): Promise<void> {
  await rejects(call, (error) => isDirectoryError(error, code, message));
}

/** As {@link notOpened}, for what doesn't wait. */
export function notOpenedSync(call: () => void, code: DirectoryErrorCode, message: RegExp): void {
  throws(call, (error) => isDirectoryError(error, code, message));
}

function isDirectoryError(error: unknown, code: DirectoryErrorCode, message: RegExp): boolean {
  ok(error instanceof DirectoryError, `a DirectoryError was expected, not ${error}`);
  equal(error.code, code, error.message);
  ok(message.test(error.message), `${error.message} doesn't match ${message}`);
  return true;
}
