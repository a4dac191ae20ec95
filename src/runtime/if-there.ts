import { errorCode } from "../errors.ts";

/** Returns the result of `work`, or undefined if the file that it needs does not exist. */
export async function ifThere<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw cause;
  }
}
