import type { Hello } from "../../api/feed.ts";
import { health, hello, sample } from "../../state/feed.ts";
import { formatDuration } from "../../ui/figures.ts";

const STORAGE = { memory: "in memory", file: "on disk", nats: "in a NATS cluster" };

const TITLES: Readonly<Record<string, string>> = {
  ok: "All is well",
  full: "The disk is full",
  out_of_files: "No more files can be opened",
  unreachable: "The cluster can't be reached",
  failed: "A write has failed",
  stopping: "The server is shutting down",
};

/** How the server is and what to do about it, and what it is. */
export function HealthPanel() {
  const state = health.value;
  const said = hello.value;
  const status = state?.status ?? "ok";
  return (
    <section class="health" data-status={status} aria-labelledby="health-title">
      <div class="health-state">
        <h2 id="health-title">
          <span class="dot" aria-hidden="true" /> {TITLES[status] ?? status}
        </h2>
        {state?.reason !== undefined && <p>{state.reason}</p>}
        {state?.advice !== undefined && <p class="health-advice">{state.advice}</p>}
      </div>
      {said !== undefined && (
        <dl class="facts">
          <Fact term="Version" value={said.version} />
          <Fact term="Runs on" value={said.runtime} />
          <Fact term="Streams are" value={STORAGE[said.storage]} />
          <Fact term="Up for" value={formatDuration(uptimeMs(said))} />
        </dl>
      )}
    </section>
  );
}

/** By the server's own clock: from its first words to its newest figures. */
function uptimeMs({ uptimeMs, now }: Hello): number {
  return uptimeMs + Math.max(0, (sample.value?.t ?? now) - now);
}

function Fact({ term, value }: { readonly term: string; readonly value: string }) {
  return (
    <div class="fact">
      <dt>{term}</dt>
      <dd>{value}</dd>
    </div>
  );
}
