import { StreamError } from "../../../src/protocol/errors.ts";
import { between } from "./model.ts";
import type { Session } from "./session.ts";
import { expect } from "./violation.ts";

const MORE_THAN_ALL = 1000;

/** Lists all streams, and checks that just those are there which may be. */
export async function checkListing(session: Session): Promise<void> {
  const { world, storage } = session;
  const before = new Map(world.names.map((name) => [name, world.statuses(name)]));
  const request = { prefix: "", after: "", limit: MORE_THAN_ALL };
  let page;
  try {
    page = await session.answer(storage.list(request));
  } catch (error) {
    // A page with a damaged row on it is refused.
    const isDamaged = error instanceof StreamError && error.code === "damaged";
    if (isDamaged && world.damagedNames.length > 0) return;
    throw error;
  }
  const { streams, next } = page;
  const listed = streams.map(({ name }) => name);
  expect(next === undefined, `the listing goes on behind ${next}`);
  expect(new Set(listed).size === listed.length, `a name is listed twice: ${listed.join()}`);
  for (const [name, statuses] of before) {
    const allowed = between(statuses, world.statuses(name));
    const isListed = listed.includes(name);
    const isAllowed = isListed ? allowed.has("there") : allowed.size > 1 || !allowed.has("there");
    expect(
      isAllowed,
      `${name} is ${isListed ? "" : "not "}listed, and should be ${[...allowed].join(" or ")}`,
    );
  }
}
