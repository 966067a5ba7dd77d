import { Connection, type Driver } from "./connection.ts";
import type { Target } from "./requests.ts";

const MIN_TIMEOUT_MILLIS = 60_000;
const MILLIS_PER_REQUEST = 10;

/**
 * Sends each request once, a few at a time, and fails with the first that isn't answered 2xx.
 *
 * @param count how many there are: that much more time is given
 */
export async function sendAll(
  target: Target,
  requests: Iterable<Uint8Array>,
  connections: number,
  count: number,
): Promise<void> {
  const queue = requests[Symbol.iterator]();
  const open: Connection[] = [];
  const done = Promise.withResolvers<void>();
  const timeoutMillis = MIN_TIMEOUT_MILLIS + count * MILLIS_PER_REQUEST;
  const timer = setTimeout(
    () => done.reject(new Error(`not answered within ${timeoutMillis} ms`)),
    timeoutMillis,
  );
  let inFlight = 0;
  const sendNext = (connection: Connection) => {
    const request = queue.next();
    if (!request.done) {
      inFlight++;
      connection.send(request.value, 0);
    } else if (inFlight === 0) done.resolve();
  };
  const driver: Driver<Connection> = {
    responded(connection) {
      inFlight--;
      const status = connection.response.status;
      if (status >= 200 && status < 300) sendNext(connection);
      else done.reject(new Error(`the server answered ${status}`));
    },
    failed: (_connection, reason) => done.reject(new Error(reason)),
  };
  try {
    for (let index = 0; index < Math.min(connections, count); index++) {
      open.push(await Connection.open(target, index, driver));
    }
    for (const connection of open) sendNext(connection);
    await done.promise;
  } finally {
    clearTimeout(timer);
    for (const connection of open) connection.close();
  }
}
