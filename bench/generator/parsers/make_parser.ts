import type { Protocol } from "../../peers/peer.ts";
import { HttpParser } from "./http_parser.ts";
import { NatsParser } from "./nats_parser.ts";
import { RedisParser } from "./redis_parser.ts";
import type { ResponseParser } from "./response_parser.ts";

/** A parser for a connection to such a server. */
export function makeParser(protocol: Protocol): ResponseParser {
  switch (protocol) {
    case "http":
      return new HttpParser();
    case "redis":
      return new RedisParser();
    case "nats":
      return new NatsParser();
  }
}
