import { deepEqual, throws } from "node:assert/strict";
import { ClaimGrants, parseRules } from "../../src/access/access_rule.ts";

Deno.test("rules of a configuration are read, and what is wrong is named by its path", () => {
  const rules = [{ claims: { role: "ops" }, grants: ["admin **"] }, { grants: ["read a/{sub}"] }];
  deepEqual(parseRules(rules), rules);
  const good = { grants: ["read a"] };
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{}, /^RangeError: access\.rule is "\{\}": expected a list of rules/],
    [[good, 7], /access\.rule\[1\] is "7": expected a rule/],
    [[{}], /access\.rule\[0\]\.grants is missing: expected a list of lines/],
    [[{ grants: [] }], /access\.rule\[0\]\.grants is "\[\]"/],
    [[good, { grants: ["read a", 7] }], /access\.rule\[1\]\.grants\[1\] is "7": expected a line/],
    [[{ grants: ["rode a"] }], /access\.rule\[0\]\.grants\[0\]: The grant "rode a" can't be read/],
    [[{ ...good, claims: [] }], /access\.rule\[0\]\.claims is/],
    [[{ ...good, claims: { a: 1 } }], /access\.rule\[0\]\.claims\.a is "1": expected a text/],
    [[{ ...good, claim: {} }], /access\.rule\[0\] has "claim", which is unknown/],
  ];
  for (const [value, message] of wrong) throws(() => parseRules(value), message);
});

Deno.test("a rule is for those whose claims are its texts, or have them in a list", () => {
  const grants = new ClaimGrants([
    { claims: { role: "ops", iss: "i" }, grants: ["admin **"] },
    { grants: ["read users/{sub}/**", "read {tenant}"] },
  ]);
  deepEqual(grants.grantsOf({ role: "ops", iss: "i" }), ["admin **"]);
  deepEqual(grants.grantsOf({ role: ["x", "ops"], iss: "i" }), ["admin **"]);
  for (const role of ["op", "ops ", ["x"], { ops: true }, true, undefined]) {
    deepEqual(grants.grantsOf({ role, iss: "i" }), []);
  }
  deepEqual(grants.grantsOf({ role: "ops", sub: "u" }), ["read users/u/**"]);
  const all = { sub: "u", role: "ops", iss: "i", mail: "m", tenant: "t", ds: ["read {mail}"] };
  deepEqual(grants.relevant(all), all);
  deepEqual(grants.relevant({ sub: "u", mail: "m" }), { sub: "u" });
});

Deno.test("a token's own grants are an array of lines, and what is none is passed over", () => {
  const grants = new ClaimGrants([]);
  deepEqual(grants.grantsOf({ ds: ["read a", 7, "rode b", "list **"] }), ["read a", "list **"]);
  for (const ds of ["read a", { 0: "read a" }, undefined]) deepEqual(grants.grantsOf({ ds }), []);
  deepEqual(grants.grantsOf({ ds: Array(1_000).fill("read a") }).length, 100);
});
