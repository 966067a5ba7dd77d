/**
 * The packages that these tests drive are installed beside the tests only, so the check of the whole
 * tree, which must not need them, takes them as untyped. `deno test -c tests/deno.json` finds the
 * packages' own types, and checks these tests against them each time it runs.
 */
declare module "@durable-streams/client";
declare module "@durable-streams/state/db";
declare module "playwright-core";
declare module "@durable-streams/y-durable-streams";
declare module "@durable-streams/y-durable-streams/server";
declare module "y-protocols/awareness";
declare module "yjs";
declare module "ai";
declare module "ai/test";
declare module "@ai-sdk/react";
declare module "@tanstack/ai";
declare module "react";
declare module "react-dom/client";
declare module "react-dom/server";
