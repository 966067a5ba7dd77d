import { testThatFound } from "./find_bugs.ts";
import { SUBSCRIPTION_BUGS } from "./subscription_bugs.ts";

testThatFound(SUBSCRIPTION_BUGS);
