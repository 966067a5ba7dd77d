import { flipEveryByte } from "./every_byte.ts";

Deno.test("every byte of a small catalogue, flipped, is found or changes no answer", () =>
  flipEveryByte((path) => path.endsWith(".sqlite")));
