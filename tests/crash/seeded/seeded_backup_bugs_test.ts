import { BACKUP_BUGS } from "./backup_bugs.ts";
import { testThatFound } from "./find_bugs.ts";

testThatFound(BACKUP_BUGS);
