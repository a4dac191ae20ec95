import { inspect } from "node:util";

/** A value that prints as `[redacted]` wherever it ends up: logs, JSON, templates, inspection. `reveal` is the only way in. */
export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  [inspect.custom](): string {
    return "[redacted]";
  }
}
