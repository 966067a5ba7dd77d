import { openStorage } from "./open_storage.ts";
import { reportNats, runNatsHistory } from "./nats_history.ts";
const n = Number(Deno.args[0] ?? 100);
const first = Number(Deno.args[1] ?? 1);
const t0 = performance.now();
let und = 0, tl = 0, tn = 0, bad = 0;
let faults = 0;
const kinds = new Map<string, number[]>();
for (let s = first; s < first + n; s++) {
  const t = performance.now();
  const r = await runNatsHistory(s, openStorage);
  const d = performance.now() - t;
  if (s % 3 === 0) tl += d;
  else tn += d;
  if (r.isUndecided) und++;
  faults += r.faults;
  if (r.violation) {
    bad++;
    if (n === 1) console.log(reportNats(r));
    const m = r.violation.message.split("\n").slice(0, 6).join("\n").replace(
      /client \d+, front end \d+: /,
      "",
    ).slice(0, 600);
    const key = m.split("\n")[0]!.replace(/\d+/g, "N").slice(0, 100);
    kinds.set(key, [...(kinds.get(key) ?? []), s]);
    if (kinds.get(key)!.length <= 1) console.log(`seed ${s}: ${m}`);
  }
}
console.log(
  `${n} histories, ${bad} bad, ${faults} faults ${(performance.now() - t0).toFixed(0)} ms, long ${
    tl.toFixed(0)
  } short ${tn.toFixed(0)} undecided ${und}`,
);
for (const [k, v] of kinds) console.log(v.length, k, v.slice(0, 8).join(" "));
