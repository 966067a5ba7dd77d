import { testThatFound } from "./find_bugs.ts";
import { RETENTION_BUGS } from "./retention_bugs.ts";
import { SMALL_STREAM_BUGS } from "./small_stream_bugs.ts";

testThatFound([...RETENTION_BUGS, ...SMALL_STREAM_BUGS]);
