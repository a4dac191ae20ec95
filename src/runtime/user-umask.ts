/** The umask that the user's shell gave this process. */
let given: number | undefined;

/**
 * Makes private what this process writes from now on. Files that are for others ask
 * `withUserUmask`.
 */
export function writePrivately(umask: number): void {
  given = process.umask(umask);
}

/**
 * Runs `work` with the umask of the user, for files that hold nothing secret, such as a downloaded
 * package. Write nothing else meanwhile: the umask is that of the whole process.
 */
export async function withUserUmask<T>(work: (umask: number) => Promise<T>): Promise<T> {
  const before = process.umask();
  const umask = given ?? before;
  process.umask(umask);
  try {
    return await work(umask);
  } finally {
    process.umask(before);
  }
}
