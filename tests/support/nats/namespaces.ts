import { spawnSync } from "node:child_process";
import process from "node:process";

/**
 * Network namespaces for servers of a test, on a bridge of their own that this machine's processes reach:
 * between two of them it can be cut. They are gone at its end.
 */
export class Namespaces {
  readonly #id: string;
  readonly #net: string;
  readonly #count: number;

  private constructor(count: number) {
    const random = Math.floor(Math.random() * 0x10000);
    this.#id = random.toString(16).padStart(4, "0");
    // Of the range for tests of networks, which no machine uses.
    this.#net = `198.18.${random % 250}`;
    this.#count = count;
  }

  /** Makes so many; `undefined` where this process may not. */
  static make(count: number): Namespaces | undefined {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
    const made = new Namespaces(count);
    try {
      made.#make();
      return made;
    } catch {
      made[Symbol.dispose]();
      return undefined;
    }
  }

  /** The address of each. */
  get hosts(): string[] {
    return this.#each((index) => `${this.#net}.${index + 1}`);
  }

  /** What stands before a command that is to run in each. */
  get launchers(): string[][] {
    return this.#each((index) => ["ip", "netns", "exec", this.#name(index)]);
  }

  /** Cuts one off from the others; this machine's processes still reach all of them. */
  cut(one: number): void {
    this.#routes("add", one);
  }

  heal(one: number): void {
    this.#routes("del", one);
  }

  [Symbol.dispose](): void {
    for (const index of this.#each((index) => index)) {
      spawnSync("ip", ["netns", "del", this.#name(index)]);
    }
    spawnSync("ip", ["link", "del", this.#bridge]);
  }

  get #bridge(): string {
    return `dst${this.#id}`;
  }

  #name(index: number): string {
    return `${this.#bridge}n${index + 1}`;
  }

  #make(): void {
    ip("link", "add", this.#bridge, "type", "bridge");
    ip("addr", "add", `${this.#net}.254/24`, "dev", this.#bridge);
    ip("link", "set", this.#bridge, "up");
    for (const index of this.#each((index) => index)) {
      const name = this.#name(index);
      const outside = `${name}o`;
      ip("netns", "add", name);
      ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name);
      ip("link", "set", outside, "master", this.#bridge);
      ip("link", "set", outside, "up");
      ip("-n", name, "addr", "add", `${this.#net}.${index + 1}/24`, "dev", "eth0");
      ip("-n", name, "link", "set", "eth0", "up");
      ip("-n", name, "link", "set", "lo", "up");
    }
  }

  #routes(action: "add" | "del", one: number): void {
    const blackhole = (at: number, to: string | undefined) => {
      ip("-n", this.#name(at), "route", action, "blackhole", `${to}/32`);
    };
    for (const [other, host] of this.hosts.entries()) {
      if (other === one) continue;
      blackhole(one, host);
      blackhole(other, this.hosts[one]);
    }
  }

  #each<T>(make: (index: number) => T): T[] {
    return Array.from({ length: this.#count }, (_, index) => make(index));
  }
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync("ip", args);
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}
