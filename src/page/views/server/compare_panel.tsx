import { effect, signal, useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import { isAbort } from "../../api/request.ts";
import { listStreams } from "../../api/streams.ts";
import { ratedStreams, sample } from "../../state/feed.ts";
import { replaceRoute, type ServerRoute } from "../../state/route.ts";
import { formatBytes } from "../../ui/figures.ts";
import { Chart } from "./chart.tsx";
import { comparisonData, comparisonOf, withRates } from "./compare_store.ts";

const comparison = signal(comparisonOf([]));

effect(() => {
  const said = sample.value;
  if (said !== undefined) comparison.value = withRates(comparison.peek(), said);
});

/** Two streams' rates beside each other. */
export function ComparePanel({ at }: { readonly at: ServerRoute }) {
  const names = at.compare ?? [];
  const key = names.join("\n");
  useEffect(() => {
    comparison.value = comparisonOf(names);
    ratedStreams.value = names;
    return () => {
      ratedStreams.value = [];
    };
  }, [key]);
  const choose = (index: number, name: string) => {
    const chosen = [names[0] ?? "", names[1] ?? ""];
    chosen[index] = name;
    replaceRoute({ ...at, compare: [...new Set(chosen.filter((known) => known !== ""))] });
  };
  return (
    <section class="compare" aria-labelledby="compare-title">
      <h2 id="compare-title">Two streams compared</h2>
      <div class="compare-choice">
        <StreamChoice label="First stream" name={names[0]} onChoose={(name) => choose(0, name)} />
        <StreamChoice label="Second stream" name={names[1]} onChoose={(name) => choose(1, name)} />
      </div>
      {names.length === 0
        ? (
          <p class="compare-hint soft">
            Name one or two streams, and see here how many bytes a second come to them.
          </p>
        )
        : (
          <Chart
            title="Bytes appended per second"
            data={comparisonData(comparison.value)}
            format={formatBytes}
            steps="binary"
            spanMs={SPAN_MS}
          />
        )}
    </section>
  );
}

const SPAN_MS = 60_000;
const SUGGESTED = 10;

function StreamChoice({ label, name = "", onChoose }: {
  readonly label: string;
  readonly name: string | undefined;
  readonly onChoose: (name: string) => void;
}) {
  const id = useId();
  const typed = useSignal(name);
  const suggestions = useSignal<readonly string[]>([]);
  useEffect(() => {
    typed.value = name;
  }, [name]);
  useEffect(() => {
    const controller = new AbortController();
    listStreams({ prefix: typed.value, limit: SUGGESTED }, controller.signal).then(
      ({ streams }) => suggestions.value = streams.map((stream) => stream.name),
      (error) => {
        if (!isAbort(error)) suggestions.value = [];
      },
    );
    return () => controller.abort();
  }, [typed.value]);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        class="mono"
        list={`${id}-names`}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        dir="auto"
        value={typed}
        onInput={(event) => typed.value = event.currentTarget.value}
        onChange={(event) => onChoose(event.currentTarget.value)}
      />
      <datalist id={`${id}-names`}>
        {suggestions.value.map((known) => <option key={known} value={known} />)}
      </datalist>
    </div>
  );
}
