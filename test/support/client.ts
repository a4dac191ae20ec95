import { expect } from "bun:test";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { TestRegistry } from "./registry.ts";

/*
 * A client of the registry, written from the documents and not from src/, so that an error in one
 * shows against the other.
 */

/** An Ed25519 key of a publisher. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** 32 bytes as lower-case hex. */
  readonly publicHex: string;
}

export function makeKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const der = publicKey.export({ format: "der", type: "spki" });
  return { privateKey, publicHex: der.subarray(-32).toString("hex") };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The statement that a publisher signs (docs/log-format.md). */
export function statementOf(name: string, version: string, archive: Uint8Array): string {
  return `cpm-package-signature/v1\nname: ${name}\nversion: ${version}\nsha256: ${sha256(archive)}\nsize: ${archive.length}\n`;
}

export function signMessage(key: SigningKey, message: string | Uint8Array): string {
  return sign(null, typeof message === "string" ? Buffer.from(message) : message, key.privateKey).toString("base64");
}

/** The fields of a publish form. A missing `archive` is not sent. */
export interface PublishFields {
  readonly archive?: Uint8Array;
  readonly [field: string]: string | Uint8Array | undefined;
}

export function publishForm({ archive, ...fields }: PublishFields): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (typeof value === "string") form.append(name, value);
  if (archive !== undefined) form.append("archive", new Blob([new Uint8Array(archive)]), "package.cpm");
  return form;
}

/**
 * A parsed body, with the type that `JSON.parse` gives it. Tests read members without narrowing: a
 * member that is missing is undefined, and the assertion fails.
 */
export type Json = ReturnType<typeof JSON.parse>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
  readonly text: string;
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = text !== "" && (response.headers.get("content-type") ?? "").includes("json");
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
}

/**
 * Expects an answer to have the shape of a problem, with this status and code and no other field.
 */
export function expectProblem(answer: Answer, status: number, code: string): void {
  expect([answer.status, answer.body?.code]).toEqual([status, code]);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const { title, detail, requestId, errors, ...rest } = answer.body;
  expect(rest).toEqual({ type: `/problems/${code}`, status, code });
  expect([typeof title, typeof detail]).toEqual(["string", "string"]);
  expect(requestId).toBe(answer.headers.get("x-request-id"));
  if (errors === undefined) return;
  expect(errors.length).toBeGreaterThan(0);
  // Not `toMatchObject` with `expect.any`: Bun 1.4.5 then leaves the matcher in the received
  // object.
  for (const { path, message } of errors) expect([typeof path, typeof message]).toEqual(["string", "string"]);
}

/** A client of a registry, logged in or not. */
export class Client {
  constructor(
    readonly base: string,
    readonly token?: string,
    readonly username = "nobody",
  ) {}

  async send(
    method: string,
    path: string,
    body?: Bun.BodyInit | object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const isForm = body instanceof FormData || body instanceof Blob || body instanceof ReadableStream;
    const json = body !== undefined && typeof body === "object" && !isForm && !(body instanceof Uint8Array);
    const authorization: Record<string, string> =
      this.token === undefined ? {} : { authorization: `Bearer ${this.token}` };
    const response = await fetch(this.base + path, {
      method,
      redirect: "manual",
      headers: { ...authorization, ...(json ? { "content-type": "application/json" } : {}), ...headers },
      ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : (body as string | FormData | Blob) }),
    });
    return answerOf(response);
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.send("GET", path, undefined, headers);
  }

  post(path: string, body?: Bun.BodyInit | object, headers?: Record<string, string>): Promise<Answer> {
    return this.send("POST", path, body, headers);
  }

  publishFields(fields: PublishFields, query = "", headers?: Record<string, string>): Promise<Answer> {
    return this.post(`/api/packages${query}`, publishForm(fields), headers);
  }

  /** Publishes with a valid `cpm-v1` signature. */
  publish(
    name: string,
    version: string,
    archive: Uint8Array,
    key: SigningKey,
    headers?: Record<string, string>,
  ): Promise<Answer> {
    const signature = signMessage(key, statementOf(name, version, archive));
    return this.publishFields({ archive, signature, publicKey: key.publicHex }, "", headers);
  }
}

let accounts = 0;

export const PASSWORD = "correct horse battery staple";

/** Registers an account with a new name and logs it in. */
export async function newAccount({ url }: Pick<TestRegistry, "url">, prefix = "user"): Promise<Client> {
  accounts += 1;
  const username = `${prefix}-${process.pid}-${accounts}`;
  const guest = new Client(url);
  const registered = await guest.post("/api/auth/register", {
    username,
    email: `${username}@example.org`,
    password: PASSWORD,
  });
  if (registered.status !== 201) throw new Error(`register answered ${registered.status}: ${registered.text}`);
  const login = await guest.post("/api/auth/login", { username, password: PASSWORD });
  if (login.status !== 200) throw new Error(`login answered ${login.status}: ${login.text}`);
  return new Client(url, login.body.token, username);
}
