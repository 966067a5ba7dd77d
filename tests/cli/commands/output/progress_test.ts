import { equal, match, ok } from "node:assert/strict";
import { Progress } from "../../../../src/cli/commands/output/progress.ts";
import { formatBytes } from "../../../../src/cli/commands/output/format_bytes.ts";
import type { CommandContext } from "../../../../src/cli/context/command_context.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { CommandKit } from "../command_kit.ts";

function terminal(clock: ManualClock, columns = 80): CommandContext & { drawn: string[] } {
  const drawn: string[] = [];
  return {
    drawn,
    environment: {},
    clock,
    input: {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("no input")) }),
    },
    inputIsTerminal: false,
    outputIsTerminal: false,
    errorsIsTerminal: true,
    columns,
    write: () => Promise.resolve(),
    printError: () => {},
    endOnSignals: () => {},
    onKey: () => () => {},
    onEndSignal: () => () => {},
    runChild: () => Promise.resolve(0),
    draw: (text) => drawn.push(text),
  };
}

const CLEAR = "\r\x1b[K";

Deno.test("a transfer of less than a second draws nothing", () => {
  const clock = new ManualClock();
  const shell = terminal(clock);
  const progress = new Progress(shell, true, 100);
  clock.advance(999);
  progress.add(100);
  progress.end();
  equal(shell.drawn.join(""), "");
});

Deno.test("a longer one draws how far it is, not too often, and takes it away", () => {
  const clock = new ManualClock();
  const shell = terminal(clock);
  const progress = new Progress(shell, true, 4_096);
  clock.advance(1_000);
  progress.add(1_024);
  clock.advance(199);
  progress.add(1_024);
  equal(shell.drawn.join(""), `${CLEAR}[#####---------------] 25%  1.0KiB  1.0KiB/s  1s`);
  clock.advance(801);
  progress.add(2_048);
  progress.end();
  equal(shell.drawn[1], `${CLEAR}[####################] 100%  4.0KiB  2.0KiB/s  2s`);
  equal(shell.drawn[2], CLEAR);
});

Deno.test("where the total isn't known it tells how much and how fast, cut to the terminal", () => {
  const clock = new ManualClock();
  const shell = terminal(clock, 10);
  const progress = new Progress(shell, true);
  clock.advance(2_000);
  progress.add(3 * 2 ** 30);
  equal(shell.drawn.join(""), `${CLEAR}3.0GiB  1`);
});

Deno.test("read draws on a terminal only where stdout is none", async () => {
  const kit = new CommandKit({ chunkBytes: 4_096 });
  await kit.fill("a", "0123456\n".repeat(4_096));
  const draw = async (terminals: ("output" | "errors")[]) => {
    const clock = new ManualClock();
    const fetch = async (url: string, init: RequestInit) => {
      clock.advance(500);
      return await kit.fixture.app.request(url, init);
    };
    return (await kit.run(["read", "a"], { fetch, clock, terminals })).drawn;
  };
  const drawn = await draw(["errors"]);
  match(drawn, /\[#+-+\] \d+% .*KiB\/s/);
  ok(drawn.endsWith(CLEAR));
  equal(await draw(["errors", "output"]), "");
  equal(await draw([]), "");
});

Deno.test("append --lines draws on a terminal only where stdin is none", async () => {
  const draw = async (terminals: ("input" | "errors")[]) => {
    const kit = new CommandKit();
    const clock = new ManualClock();
    function* slowly(): Iterable<string> {
      for (let i = 0; i < 5; i++) {
        clock.advance(500);
        yield "0123456\n";
      }
    }
    const around = { input: slowly(), clock, terminals };
    return (await kit.run(["append", "a", "--lines"], around)).drawn;
  };
  match(await draw(["errors"]), /\d+B {2}\d+B\/s {2}\d+s/);
  equal(await draw(["errors", "input"]), "");
  equal(await draw([]), "");
});

Deno.test("numbers of bytes are short", () => {
  equal(formatBytes(0), "0B");
  equal(formatBytes(1_023), "1023B");
  equal(formatBytes(1_024), "1.0KiB");
  equal(formatBytes(150 * 1_024), "150KiB");
  equal(formatBytes(2.25 * 2 ** 40), "2304GiB");
});
