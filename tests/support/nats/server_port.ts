import { freePort } from "../../../src/listen/free_port.ts";

/** Below those that systems give to outgoing connections: one of these would take it while its server is down. */
const FIRST = 20_000;
const COUNT = 12_000;
const MOST_ATTEMPTS = 100;

/**
 * A port for a server that is started later, and again and again: nobody listens there now, and no outgoing
 * connection comes upon it.
 *
 * @throws the system's error where none is found
 */
export async function serverPort(random: () => number = Math.random): Promise<number> {
  for (let attempt = 1;; attempt++) {
    try {
      const port = FIRST + Math.floor(random() * COUNT);
      return await freePort({ host: "127.0.0.1", port });
    } catch (error) {
      if (attempt === MOST_ATTEMPTS) throw error;
    }
  }
}
