import type { EventView } from "../../events/read-events.ts";

/**
 * The details of an event, as far as they are texts. Each kind has others, older events have fewer,
 * and those of a forgotten account have none.
 */
export class EventDetails {
  readonly #members: ReadonlyMap<string, unknown>;

  constructor(details: EventView["details"]) {
    const isRecord = typeof details === "object" && details !== null && !Array.isArray(details);
    this.#members = new Map(isRecord ? Object.entries(details) : []);
  }

  /** Returns a text or a number as text. Undefined if there is none. */
  text(name: string): string | undefined {
    const value = this.#members.get(name);
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  }

  /** Returns the texts of a list. */
  list(name: string): readonly string[] {
    const value = this.#members.get(name);
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  }

  /** Returns how many items a list has. */
  count(name: string): number {
    const value = this.#members.get(name);
    return Array.isArray(value) ? value.length : 0;
  }

  /** Reports whether a member is true. */
  has(name: string): boolean {
    return this.#members.get(name) === true;
  }

  /** Returns a text behind others, or nothing: `, use ` and `b` make `, use b`. */
  after(before: string, name: string): string {
    const text = this.text(name);
    return text === undefined ? "" : `${before}${text}`;
  }
}
