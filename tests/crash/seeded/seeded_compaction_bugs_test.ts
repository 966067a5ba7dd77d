import { COMPACTION_BUGS } from "./compaction_bugs.ts";
import { testThatFound } from "./find_bugs.ts";

testThatFound(COMPACTION_BUGS);
