/*
 * Measures in a server's process how long its event loop was held: `bun --preload loop-probe.ts …`
 * with LOOP_PROBE_PORT. A GET on that port answers the longest hold since the GET before, in
 * milliseconds of CPU time of the main thread. A busy machine lengthens real time, but not this.
 */

const TICK_MS = 1;

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

let longestMs = 0;
let lastMs = cpuMs();

function tick(): void {
  const now = cpuMs();
  longestMs = Math.max(longestMs, now - lastMs);
  lastMs = now;
}

setInterval(tick, TICK_MS).unref();
Bun.serve({
  port: Number(process.env.LOOP_PROBE_PORT),
  hostname: "127.0.0.1",
  fetch: () => {
    tick();
    const answer = Response.json(longestMs);
    longestMs = 0;
    return answer;
  },
});
