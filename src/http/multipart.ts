import busboy from "busboy";
import { type Failure, failure } from "../errors.ts";
import { mediaType } from "./body.ts";
import { chunksOf, declaredBytes } from "./body-stream.ts";

const FIELD_MAX_BYTES = 4 * 1024;
/** Of the one field that may be long. */
const LONG_FIELD_MAX_BYTES = 64 * 1024;
const FIELDS_MAX = 16;
const PART_HEADERS_MAX = 20;
/** Limit of everything around the file: boundaries, headers and small fields. */
const OVERHEAD_MAX_BYTES = 128 * 1024;

/** The contents of a form: its text fields by name, and what `receive` made of its file. */
export interface Upload<T> {
  readonly fields: ReadonlyMap<string, string>;
  readonly file: T | undefined;
}

/**
 * The fields of a form: one file and some texts. Other text fields are ignored, other files
 * refused.
 */
export interface UploadRules<T> {
  readonly fileField: string;
  readonly textFields: readonly string[];
  /** A text field that may be long, and that clients may send as a file. */
  readonly longField?: string;
  readonly fileMaxBytes: number;
  /** Receives the bytes of the file as they arrive. If it fails, the upload ends. */
  readonly receive: (chunks: AsyncIterable<Uint8Array>) => Promise<T>;
  /** Undoes `receive` if the form turns out invalid after its file. */
  readonly discard: (file: T) => Promise<void>;
}

function malformed(reason: string): Failure {
  return failure({ code: "malformed_body", reason });
}

function openParser(request: Request): busboy.Busboy {
  try {
    return busboy({
      headers: { "content-type": request.headers.get("content-type") ?? "" },
      limits: { fieldSize: LONG_FIELD_MAX_BYTES, fields: FIELDS_MAX, files: 3, headerPairs: PART_HEADERS_MAX },
    });
  } catch {
    throw malformed("The Content-Type has no multipart boundary. Let your HTTP client set the header.");
  }
}

/**
 * Collects what the parser reports. The first failure counts, because later ones only follow from
 * it.
 */
class Form<T> {
  readonly fields = new Map<string, string>();
  readonly failed = Promise.withResolvers<never>();
  received: Promise<T> | undefined;
  /** The long field, if it is sent as a file. */
  collected: Promise<void> | undefined;

  constructor(readonly rules: UploadRules<T>) {
    this.failed.promise.catch(() => undefined);
  }

  fail(cause: unknown): void {
    this.failed.reject(cause);
  }

  takeField(name: string, value: string, truncated: boolean): void {
    if (!this.rules.textFields.includes(name)) return;
    const maxBytes = name === this.rules.longField ? LONG_FIELD_MAX_BYTES : FIELD_MAX_BYTES;
    if (truncated || Buffer.byteLength(value) > maxBytes)
      this.fail(malformed(`The field ${name} is longer than ${maxBytes} bytes. Shorten it.`));
    else if (this.fields.has(name)) this.fail(malformed(`The field ${name} occurs twice. Send it once.`));
    else this.fields.set(name, value);
  }

  takeFile(name: string, chunks: AsyncIterable<Uint8Array> & { resume(): unknown; destroy(): unknown }): void {
    if (name === this.rules.longField) {
      this.collected = this.#collect(name, chunks);
      this.collected.catch((cause) => this.fail(cause));
      return;
    }
    if (name !== this.rules.fileField) {
      chunks.resume();
      this.fail(malformed(`Only the field ${this.rules.fileField} may contain a file. Send the file in that field.`));
      return;
    }
    if (this.received !== undefined) {
      chunks.resume();
      this.fail(malformed(`The field ${name} occurs twice. Send it once.`));
      return;
    }
    this.received = this.rules.receive(chunks);
    this.received.catch((cause) => this.fail(cause));
  }

  async #collect(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size <= LONG_FIELD_MAX_BYTES) pieces.push(chunk);
    }
    this.takeField(name, Buffer.concat(pieces).toString(), size > LONG_FIELD_MAX_BYTES);
  }
}

/**
 * Feeds the body to the parser and waits when the parser is full. Ends at the end of the body, or
 * with the form's failure.
 */
async function pump(
  request: Request,
  parser: busboy.Busboy,
  bodyMaxBytes: number,
  failed: Promise<never>,
): Promise<void> {
  let size = 0;
  for await (const chunk of chunksOf(request)) {
    size += chunk.length;
    if (size > bodyMaxBytes) throw failure({ code: "payload_too_large", what: "The body", limitBytes: bodyMaxBytes });
    const drained = parser.write(chunk) ? undefined : new Promise((resolve) => parser.once("drain", resolve));
    await Promise.race([drained, failed]);
  }
  if (size === 0) throw malformed("The body is empty. Send a multipart form.");
  const closed = new Promise((resolve) => parser.once("close", resolve));
  parser.end();
  await Promise.race([closed, failed]);
}

function connect<T>(parser: busboy.Busboy, form: Form<T>): void {
  parser.on("field", (name, value, info) => form.takeField(name, value, info.valueTruncated || info.nameTruncated));
  parser.on("file", (name, stream) => {
    stream.on("error", () => undefined);
    form.takeFile(name, stream);
  });
  for (const limit of ["fieldsLimit", "filesLimit", "partsLimit"] as const) {
    parser.on(limit, () => form.fail(malformed("The form has too many parts. Send only the documented fields.")));
  }
  parser.on("error", () =>
    form.fail(malformed("The multipart body is malformed or ends early. Send the request again.")),
  );
}

/**
 * Reads a multipart form and streams its one file into `rules.receive`, with back-pressure, so
 * memory stays flat whatever is sent. Throws `unsupported_media_type`, `payload_too_large`,
 * `request_timeout`, `malformed_body`, or what `receive` threw. If it throws, the received file is
 * discarded.
 */
export async function readUpload<T>(request: Request, rules: UploadRules<T>): Promise<Upload<T>> {
  if (mediaType(request) !== "multipart/form-data") {
    throw failure({ code: "unsupported_media_type", expected: "multipart/form-data" });
  }
  const bodyMaxBytes = rules.fileMaxBytes + OVERHEAD_MAX_BYTES;
  if (declaredBytes(request) > bodyMaxBytes) {
    throw failure({ code: "payload_too_large", what: "The archive", limitBytes: rules.fileMaxBytes });
  }
  const parser = openParser(request);
  const form = new Form(rules);
  connect(parser, form);
  try {
    await pump(request, parser, bodyMaxBytes, form.failed.promise);
    const file = await Promise.race([form.received, form.failed.promise]);
    await Promise.race([form.collected, form.failed.promise]);
    return { fields: form.fields, file };
  } catch (cause) {
    parser.destroy();
    await form.received?.then(rules.discard, () => undefined);
    throw cause;
  }
}
