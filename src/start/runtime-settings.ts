import { dlopen, FFIType, ptr } from "bun:ffi";
import { ENVIRONMENT } from "../config/config.ts";

/**
 * What Bun reads from the environment when it starts, and from nowhere else. With as many threads as processors, two
 * uploads wait for the disk at a time and the others for those (measured: 1,400 synced files a second, 3,900 with 16); and
 * with the memory of the whole machine to take, the collector lets garbage lie.
 */
const RUNTIME_SETTINGS = { UV_THREADPOOL_SIZE: "16", BUN_JSC_forceRAMSize: String(256 * 1024 * 1024) } as const;

/** Of glibc and of musl. */
const C_LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** How this program is started: by its own file where it is compiled, else by Bun and the file of its source. */
export function programOf(): string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return isCompiled ? [process.execPath] : [process.execPath, ...process.execArgv, Bun.main];
}

/** The environment of a server: what its operator set, and the rest of what it takes. */
function serverEnvironment(): Record<string, string | undefined> {
  return { ...RUNTIME_SETTINGS, ...ENVIRONMENT };
}

/**
 * Starts this program once more in its place (execve: the same process, the same id), with the environment of a server.
 * Returns where nothing is to be set, or it cannot be: then it runs as it is, only slower.
 */
export function restartAsServer(): void {
  const isSet = Object.keys(RUNTIME_SETTINGS).every((name) => ENVIRONMENT[name] !== undefined);
  if (isSet || process.platform !== "linux") return;
  for (const library of C_LIBRARIES) {
    try {
      execute(library, [...programOf(), ...process.argv.slice(2)], serverEnvironment());
      return;
    } catch {
      // Not this one.
    }
  }
}

/** Throws without the library; returns only when the system refuses. */
function execute(library: string, argv: readonly string[], environment: Record<string, string | undefined>): void {
  const { execve } = dlopen(library, {
    execve: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr], returns: FFIType.int },
  }).symbols;
  // Referred to until the call, so that the collector leaves them.
  const texts: Buffer[] = [];
  const pointerTo = (text: string) => {
    const bytes = Buffer.from(`${text}\0`);
    texts.push(bytes);
    return ptr(bytes);
  };
  const vector = (items: readonly string[]) =>
    new BigUint64Array([...items.map((item) => BigInt(pointerTo(item))), 0n]);
  const entries = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${value}`,
  );
  execve(pointerTo(process.execPath), vector(argv), vector(entries));
  texts.length = 0;
}
