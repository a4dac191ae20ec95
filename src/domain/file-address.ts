/** Encodes the path of a file of an archive for an address, and keeps its slashes. */
export function encodedFilePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
