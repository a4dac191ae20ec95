import { clientFault } from "./client-fault.ts";

/** Turns what a full disk throws into a `ClientFault`: it is not the registry's fault. */
export function diskFault(cause: unknown): unknown {
  if (!(cause instanceof Error) || !("code" in cause) || !("syscall" in cause)) return cause;
  if (cause.code !== "ENOSPC" && cause.code !== "EDQUOT" && cause.code !== "EFBIG") return cause;
  const detail = `The disk is full: ${cause.message}. Nothing was saved.\nFree some space, then run the command again.`;
  return clientFault("failed", "client_disk_full", detail);
}
