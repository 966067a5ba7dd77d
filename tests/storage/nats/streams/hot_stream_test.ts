import { deepStrictEqual as equal } from "node:assert";
import { HotStream } from "../../../../src/storage/nats/streams/hot_stream.ts";

/** One that front end 5 has, and that sends to 7 from 1,000 ms on. */
function sending(): HotStream {
  const hot = new HotStream(5, "auto");
  for (const atMs of [800, 900, 1000]) hot.lostRace(7, atMs);
  return hot;
}

Deno.test("who loses three races within a second sends to the winner, for a while", () => {
  const hot = new HotStream(5, "auto");
  for (const atMs of [0, 600, 1200, 1800]) hot.lostRace(7, atMs);
  equal(hot.target(7, 1800), undefined);
  hot.lostRace(7, 1900);
  equal([hot.target(7, 1900), hot.target(7, 4899), hot.target(7, 4900)], [7, 7, undefined]);
});

Deno.test("it goes on as long as others append there, too, and ends where that is slow", () => {
  const hot = sending();
  hot.answered({ isContended: true, tookMs: 5 }, 3000);
  equal(hot.target(7, 5900), 7);
  hot.answered({ isContended: false, tookMs: 5 }, 5900);
  equal(hot.target(7, 6000), undefined);
  const slow = sending();
  slow.answered({ isContended: true, tookMs: 501 }, 1500);
  equal(slow.target(7, 1600), undefined);
});

Deno.test("without an answer, or where nothing is taken, it pauses; a hint says where else", () => {
  const away = sending();
  away.failed(1100);
  equal([away.target(7, 3000), away.target(7, 3100)], [undefined, 7]);
  const refused = sending();
  refused.refused(0, 1100);
  equal([refused.target(7, 1200), refused.target(7, 1300)], [undefined, 7]);
  const led = sending();
  led.refused(9, 1100);
  equal(led.target(7, 1100), 9);
  led.refused(5, 1200);
  equal(led.target(7, 2000), undefined);
});

Deno.test("of two that send to each other the one with the smaller number takes", () => {
  const small = sending();
  equal(small.called(7, 1100), 0);
  equal(small.target(7, 1100), undefined);
  const great = new HotStream(7, "auto");
  for (const atMs of [800, 900, 1000]) great.lostRace(5, atMs);
  equal(great.called(5, 1100), 5);
  equal(great.target(5, 1100), 5);
});

Deno.test("who sends to one takes nothing of a third, but says to whom it sends", () => {
  equal(sending().called(6, 1100), 7);
});

Deno.test("who is sent appends doesn't send its own to another for a second", () => {
  const hot = new HotStream(5, "auto");
  equal(hot.called(7, 1000), 0);
  for (const atMs of [1100, 1200, 1300]) hot.lostRace(6, atMs);
  equal(hot.target(6, 1300), undefined);
  for (const atMs of [2100, 2200, 2300]) hot.lostRace(6, atMs);
  equal(hot.target(6, 2300), 6);
});

Deno.test("a stream is contended where another one than the sender has appended lately", () => {
  const hot = new HotStream(5, "auto");
  hot.called(7, 1000);
  equal(hot.isContended(7, 1000), false);
  hot.appended(5, 1100);
  equal([hot.isContended(7, 2000), hot.isContended(7, 2100)], [true, false]);
});

Deno.test("one of very many senders that comes again makes none of the others forgotten", () => {
  const hot = new HotStream(5, "auto");
  for (let frontEnd = 101; frontEnd <= 164; frontEnd++) hot.called(frontEnd, 1000);
  hot.called(101, 1100);
  equal(hot.isContended(101, 1100), true);
});

Deno.test("forwarding can be always or never", () => {
  const always = new HotStream(5, "always");
  equal([always.target(7, 0), always.target(5, 0), always.target(0, 0)], [7, undefined, undefined]);
  const never = new HotStream(5, "never");
  for (const atMs of [800, 900, 1000]) never.lostRace(7, atMs);
  equal(never.target(7, 1000), undefined);
});

Deno.test("a clock that is set back leaves nothing on for as long as that", () => {
  const hour = 3_600_000;
  const sends = new HotStream(5, "auto");
  for (const atMs of [hour, hour, hour]) sends.lostRace(7, atMs);
  equal([sends.target(7, hour), sends.target(7, 0)], [7, undefined]);
  const paused = new HotStream(5, "auto");
  paused.failed(hour);
  for (const atMs of [0, 0, 0]) paused.lostRace(7, atMs);
  equal(paused.target(7, 0), 7);
  const host = new HotStream(5, "auto");
  equal(host.called(6, hour), 0);
  equal([host.isHost(hour), host.isHost(0)], [true, false]);
  equal([host.isContended(7, hour), host.isContended(7, 0)], [true, false]);
  for (const atMs of [hour, hour, 0]) host.lostRace(7, atMs);
  equal(host.target(7, 0), undefined);
  for (const atMs of [0, 0]) host.lostRace(7, atMs);
  equal(host.target(7, 0), 7);
});
