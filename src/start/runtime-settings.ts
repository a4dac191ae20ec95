import { dlopen, FFIType, ptr } from "bun:ffi";
import { ENVIRONMENT } from "../config/config.ts";

/**
 * Variables that Bun reads from the environment at its start, and from nowhere else. By default Bun
 * has as many threads as processors, so that few uploads wait for the disk at a time and all others
 * wait for those. With the memory of the whole machine available, the garbage collector runs too
 * seldom.
 */
const RUNTIME_SETTINGS = { UV_THREADPOOL_SIZE: "16", BUN_JSC_forceRAMSize: String(256 * 1024 * 1024) } as const;

/** The C libraries of glibc and of musl. */
const C_LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/** Returns the command that starts this program: the executable, or Bun with the source file. */
export function programOf(): string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return isCompiled ? [process.execPath] : [process.execPath, ...process.execArgv, Bun.main];
}

/** Returns the environment of a server. What the operator set takes precedence. */
function serverEnvironment(): Record<string, string | undefined> {
  return { ...RUNTIME_SETTINGS, ...ENVIRONMENT };
}

/**
 * Replaces this process by a new start of this program with the environment of a server (execve:
 * the process id stays). Returns if nothing must be set, or if execve fails: then the server runs
 * as it is, only slower.
 */
export function restartAsServer(): void {
  const isSet = Object.keys(RUNTIME_SETTINGS).every((name) => ENVIRONMENT[name] !== undefined);
  if (isSet || process.platform !== "linux") return;
  for (const library of C_LIBRARIES) {
    try {
      execute(library, [...programOf(), ...process.argv.slice(2)], serverEnvironment());
      return;
    } catch {
      // This library does not exist here. Try the next one.
    }
  }
}

/** Throws if the library does not exist. Returns only if execve fails. */
function execute(library: string, argv: readonly string[], environment: Record<string, string | undefined>): void {
  const { execve } = dlopen(library, {
    execve: { args: [FFIType.ptr, FFIType.ptr, FFIType.ptr], returns: FFIType.int },
  }).symbols;
  // Keeps references until the call, so that the garbage collector does not free the buffers.
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
