import { testThatFound } from "./find_bugs.ts";
import { NATS_BUGS } from "./nats_bugs.ts";

testThatFound(NATS_BUGS);
