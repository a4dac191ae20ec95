/** Formats a count: `1 archive`, `2 archives`. Pass `things` for an irregular plural. */
export function counted(count: number, thing: string, things = `${thing}s`): string {
  return `${count} ${count === 1 ? thing : things}`;
}
