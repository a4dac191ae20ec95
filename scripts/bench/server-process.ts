const POLL_MS = 2;

/** A server that a bench started. */
export interface ServerProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

interface Start {
  readonly command: readonly string[];
  /** The address that is asked until the server answers. */
  readonly url: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Returns whether an answer means that the server is ready. By default every answer does. */
  readonly isReady?: (response: Response) => boolean;
}

/**
 * Starts a server and waits for its first answer. Throws when there is none in time, and stops the
 * server.
 */
export async function startServer({ command, url, cwd, env, timeoutMs, isReady }: Start): Promise<ServerProcess> {
  const server = Bun.spawn([...command], { env: { ...env }, cwd, stdout: "ignore", stderr: "inherit" });
  const stop = async () => {
    server.kill("SIGTERM");
    await server.exited;
  };
  const deadlineMs = performance.now() + timeoutMs;
  while (server.exitCode === null && performance.now() < deadlineMs) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      await response.arrayBuffer();
      if (isReady === undefined || isReady(response)) return { pid: server.pid, stop };
    } catch {
      // The server does not listen yet.
    }
    await Bun.sleep(POLL_MS);
  }
  await stop();
  throw new Error(`${command[0]} gave no answer to ${url} within ${timeoutMs / 1000} s`);
}
