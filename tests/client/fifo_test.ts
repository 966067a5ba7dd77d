import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import { Fifo } from "../../src/client/fifo.ts";

Deno.test("a queue gives back what was put in, in that order, whatever is done between", () => {
  fc.assert(fc.property(fc.array(fc.constantFrom("push", "shift", "all")), (calls) => {
    const fifo = new Fifo<number>();
    const model: number[] = [];
    for (const [i, call] of calls.entries()) {
      if (call === "push") {
        fifo.push(i);
        model.push(i);
      } else if (call === "shift") {
        equal(fifo.shift(), model.shift());
      } else {
        equal(fifo.takeAll(), model.splice(0));
      }
      equal([fifo.length, fifo.peek(), fifo.toArray()], [model.length, model[0], model]);
    }
  }));
});
