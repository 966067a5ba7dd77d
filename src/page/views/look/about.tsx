import { tokenPosition } from "../../../protocol/offset.ts";
import type { StreamDetails, StreamProducer } from "../../api/streams.ts";
import {
  formatBytes,
  formatCount,
  formatCountdown,
  formatDuration,
  timeOf,
} from "../../ui/figures.ts";
import { now } from "../../ui/now.ts";
import { StoredText } from "../../ui/text.tsx";
import { ForkTree } from "./fork_tree.tsx";
import type { LookSession } from "./look_session.ts";

/** What the stream is, who writes it, and what it was forked from and into. */
export function About({ session }: { readonly session: LookSession }) {
  const details = session.details.value;
  if (details === undefined) return null;
  const producers = details.producers ?? [];
  return (
    <>
      <Facts session={session} details={details} />
      <section aria-labelledby="producers">
        <h3 id="producers">Producers</h3>
        {producers.length === 0
          ? <p class="soft">No idempotent producer has written.</p>
          : <Producers producers={producers} total={details.producersTotal ?? producers.length} />}
      </section>
      <section aria-labelledby="forks">
        <h3 id="forks">Forks</h3>
        <ForkTree details={details} />
      </section>
      <button type="button" class="quiet" onClick={() => void session.refresh().catch(() => {})}>
        Ask again
      </button>
    </>
  );
}

function Facts(
  { session, details }: { readonly session: LookSession; readonly details: StreamDetails },
) {
  const { tail } = session;
  const lastAppendMs = timeOf(details.lastAppendAt);
  const createdMs = timeOf(details.createdAt);
  const { lifetime } = details;
  return (
    <dl class="fact-list">
      <dt>Content type</dt>
      <dd>
        <StoredText text={details.contentType} />
      </dd>
      <dt>State</dt>
      <dd>{session.isClosed ? "Closed" : "Open"}</dd>
      <dt>Size</dt>
      <dd class="number">{formatBytes(sizeOf(session))}</dd>
      {details.earliestOffset && (
        <>
          <dt>Begins at</dt>
          <dd class="mono">{details.earliestOffset}</dd>
        </>
      )}
      <dt>Tail</dt>
      <dd class="mono">{tail}</dd>
      {lastAppendMs !== undefined && (
        <>
          <dt>Last append</dt>
          <dd class="number">{new Date(lastAppendMs).toLocaleString()}</dd>
        </>
      )}
      {createdMs !== undefined && (
        <>
          <dt>Created</dt>
          <dd class="number">{new Date(createdMs).toLocaleString()}</dd>
        </>
      )}
      {typeof details.readers === "number" && (
        <>
          <dt>Other live readers</dt>
          <dd class="number">{formatCount(details.readers)}</dd>
        </>
      )}
      {lifetime?.ttlSeconds !== undefined && (
        <>
          <dt>TTL</dt>
          <dd>{formatDuration(lifetime.ttlSeconds * 1000)} after its last use</dd>
        </>
      )}
      {details.expiresAt && (
        <>
          <dt>Expires in</dt>
          <dd class="number">
            {isInUse(session)
              ? "Not while it is read, as it is now"
              : <Countdown expiresAt={details.expiresAt} />}
          </dd>
        </>
      )}
      {details.seq && (
        <>
          <dt>Stream-Seq</dt>
          <dd class="mono">
            <StoredText text={details.seq} />
          </dd>
        </>
      )}
    </dl>
  );
}

/** The bytes that the stream has, as far as that is known. */
export function sizeOf({ tail, details }: LookSession): number {
  const { earliestOffset, tail: told } = details.value ?? {};
  return (tokenPosition(tail) ?? told ?? 0) - (tokenPosition(earliestOffset ?? "") ?? 0);
}

/** Whether the stream's time starts anew again and again because this page reads it. */
export function isInUse({ details, state }: LookSession): boolean {
  return details.value?.lifetime?.ttlSeconds !== undefined && state.value.kind === "live";
}

/** The time that is left, to the second. */
export function Countdown({ expiresAt }: { readonly expiresAt: string }) {
  const leftMs = (timeOf(expiresAt) ?? 0) - now.value;
  return <time dateTime={expiresAt}>{leftMs > 0 ? formatCountdown(leftMs) : "over"}</time>;
}

function Producers(
  { producers, total }: { readonly producers: readonly StreamProducer[]; readonly total: number },
) {
  return (
    <>
      <div class="scroll-x">
        <table>
          <thead>
            <tr>
              <th scope="col">Id</th>
              <th scope="col" class="right">Epoch</th>
              <th scope="col" class="right">Sequence</th>
            </tr>
          </thead>
          <tbody>
            {producers.map(({ id, epoch, seq }) => (
              <tr key={id}>
                <td class="mono">
                  <StoredText text={id} />
                </td>
                <td class="number right">{formatCount(epoch)}</td>
                <td class="number right">{formatCount(seq)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {total > producers.length && (
        <p class="soft">{formatCount(producers.length)} of {formatCount(total)} are shown.</p>
      )}
    </>
  );
}
