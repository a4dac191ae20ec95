import { connect, createServer, type Socket } from "node:net";
import { freePort } from "../support/ports.ts";

/* A proxy between a registry and its Postgres that loses the answer to a COMMIT. */

/**
 * How Postgres reports that a transaction is committed and durable: CommandComplete, its length,
 * the tag and a zero byte.
 */
const COMMITTED = Buffer.from("C\0\0\0\x0bCOMMIT\0", "latin1");

/** A proxy to a Postgres. */
export interface CommitCutter {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** Drops the answer to the next COMMIT: both sides of its connection are cut instead. */
  arm(): void;
  /** From now on everything passes again. */
  disarm(): void;
  /** How many answers have been lost. */
  readonly cuts: () => number;
  close(): Promise<void>;
}

/** Starts a proxy to the Postgres of `url`. */
export async function startCommitCutter(url: string): Promise<CommitCutter> {
  const target = new URL(url);
  const port = await freePort();
  const open = new Set<Socket>();
  let [armed, cuts] = [false, 0];

  const serve = (client: Socket) => {
    const server = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      open.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
    client.on("data", (bytes: Buffer) => server.write(bytes));
    let recent = Buffer.alloc(0);
    server.on("data", (bytes: Buffer) => {
      // The answer may come in two pieces. Then half of it has passed, which is no answer either.
      const seen = Buffer.concat([recent, bytes]);
      recent = seen.subarray(-COMMITTED.length + 1);
      if (!armed || !seen.includes(COMMITTED)) {
        client.write(bytes);
        return;
      }
      [armed, cuts] = [false, cuts + 1];
      client.destroy();
      server.destroy();
    });
  };
  const listener = createServer(serve);
  await new Promise<void>((done, reject) => listener.once("error", reject).listen(port, "127.0.0.1", done));
  const through = new URL(url);
  [through.hostname, through.port] = ["127.0.0.1", String(port)];
  return {
    url: through.href,
    arm: () => {
      armed = true;
    },
    disarm: () => {
      armed = false;
    },
    cuts: () => cuts,
    close: () =>
      new Promise((done) => {
        listener.close(() => done());
        for (const socket of open) socket.destroy();
      }),
  };
}
