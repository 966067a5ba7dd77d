import { testThatFound } from "./find_bugs.ts";
import { NATS_BUGS } from "./nats_bugs.ts";
import { NATS_SNAPSHOT_BUGS } from "./nats_snapshot_bugs.ts";

testThatFound(NATS_BUGS);
testThatFound(NATS_SNAPSHOT_BUGS);
