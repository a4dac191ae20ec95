import { createServer } from "node:net";

/**
 * Below the ports that Linux and macOS assign themselves, so that a free port stays free until it
 * is used.
 */
const [FIRST_PORT, PORTS] = [20_000, 12_000];

function isFree(port: number): Promise<boolean> {
  return new Promise((resolveFree) => {
    const probe = createServer().once("error", () => resolveFree(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolveFree(true)));
  });
}

/** Finds a port of 127.0.0.1 that nobody uses now, and that no client will be assigned next. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (await isFree(port)) return port;
  }
}

/** Whether a process listens on a port of 127.0.0.1, without connecting to it. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer().once("error", () => done(true));
    probe.listen(port, "127.0.0.1", () => probe.close(() => done(false)));
  });
}

/**
 * Launches a server on a free port, and retries on up to four others, because another process may
 * take the port first. `takenMessage` is the part of the server's error that reports this.
 */
export async function launchOnFreePort<Launched>(
  launch: (port: number) => Promise<Launched>,
  takenMessage: string,
): Promise<{ port: number; running: Launched }> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    try {
      return { port, running: await launch(port) };
    } catch (error) {
      if (tries === 5 || !String(error).includes(takenMessage)) throw error;
    }
  }
}
