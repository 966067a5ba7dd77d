import { deepEqual } from "node:assert/strict";
import { unknownVariables } from "../../../src/cli/flags/unknown_variables.ts";

Deno.test("a variable that looks like ours and is none is named, with the one that was meant", () => {
  const environment = {
    DURABLE_STREAMS_PORT: "1",
    DURABLE_STREAMS_URL: "",
    DURABLE_STREAMS_DATA_DIR: "x",
    DURABLE_STREAMS_FSYNK: "always",
    DURABLE_STREAMS_FROBNICATE: "1",
    PATH: "/bin",
  };
  deepEqual(unknownVariables(environment), [
    { name: "DURABLE_STREAMS_DATA_DIR", meant: "DURABLE_STREAMS_DIR" },
    { name: "DURABLE_STREAMS_FSYNK", meant: "DURABLE_STREAMS_FSYNC" },
    { name: "DURABLE_STREAMS_FROBNICATE", meant: undefined },
  ]);
});

Deno.test("what Kubernetes sets for a service of this name is no misspelling", () => {
  const names = [
    "SERVICE_HOST",
    "SERVICE_PORT",
    "SERVICE_PORT_HTTP",
    "PORT_4437_TCP",
    "PORT_4437_TCP_PROTO",
    "PORT_4437_TCP_ADDR",
    "BACKUP_SERVICE_HOST",
    "BACKUP_PORT",
  ];
  const environment = Object.fromEntries(names.map((name) => [`DURABLE_STREAMS_${name}`, "x"]));
  deepEqual(unknownVariables(environment), []);
});
