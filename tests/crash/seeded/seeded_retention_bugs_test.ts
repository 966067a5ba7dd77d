import { testThatFound } from "./find_bugs.ts";
import { RETENTION_BUGS } from "./retention_bugs.ts";

testThatFound(RETENTION_BUGS);
