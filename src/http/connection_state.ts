/**
 * Where a connection is in its life:
 *
 * - `reading head`: no request is being answered; some of the next one's head may be here.
 * - `reading body`: a request is being answered whose body isn't all here.
 * - `responding`: a request that is all here is being answered.
 * - `discarding`: as `responding`, but the connection ends with this response, and what the client sends
 *   meanwhile is thrown away: were the connection closed under it, the client would not see the response.
 * - `closing`, `half-closing`: the last response is written, and some of it hasn't gone out. The second
 *   follows `discarding`, and goes on throwing away what comes after the end that it sends.
 * - `ended`: the client has been told of the end, and is to close the connection.
 * - `closed`: it is gone.
 */
export type ConnectionState =
  | "reading head"
  | "reading body"
  | "responding"
  | "discarding"
  | "closing"
  | "half-closing"
  | "ended"
  | "closed";

const NEXT: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  "reading head": ["responding", "reading body", "discarding", "closing", "closed"],
  "reading body": ["responding", "discarding", "closed"],
  "responding": ["reading head", "discarding", "closing", "closed"],
  "discarding": ["half-closing", "closed"],
  "closing": ["ended", "closed"],
  "half-closing": ["ended", "closed"],
  "ended": ["closed"],
  "closed": [],
};

/**
 * The state after a step.
 *
 * @throws {Error} where no such step is: a defect here, never anything that a client did
 */
export function nextState(from: ConnectionState, to: ConnectionState): ConnectionState {
  if (NEXT[from].includes(to)) return to;
  throw new Error(`A connection that is ${from} can't be ${to} next.`);
}
