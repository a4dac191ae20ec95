import { discardFile } from "../blobs/incoming.ts";
import { receiveFile } from "../blobs/receive.ts";
import type { ReceivedFile } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { type Fault, failure } from "../errors.ts";
import { readUpload, type Upload } from "../http/multipart.ts";
import { decodeStrictly, toHex } from "../signing/encoding.ts";
import { SIGNATURE_SCHEMES, type SignatureScheme } from "../signing/statement.ts";
import type { PublishTimer } from "./measure.ts";
import { METADATA_FIELD, parseMetadata } from "./metadata.ts";
import type { Publication } from "./publication.ts";

const TEXT_FIELDS = ["signature", "publicKey", "signatureScheme", "name", "version", METADATA_FIELD] as const;
const SIGNATURE_HEADER = "X-Signature";

type FormPublication = Omit<Publication, "publisher" | "dryRun" | "allowSecrets">;

function schemeOf(text: string | undefined, faults: Fault[]): SignatureScheme | undefined {
  if (text === undefined) return undefined;
  const scheme = SIGNATURE_SCHEMES.find((known) => known === text);
  const message = `must be one of ${SIGNATURE_SCHEMES.join(", ")}, or left out`;
  if (scheme === undefined) faults.push({ path: "/signatureScheme", message });
  return scheme;
}

/**
 * Returns the signature of the form or of the header. Where both have one, it is the same, though
 * perhaps in another spelling.
 */
function signatureOf(field: string | undefined, header: string | undefined, faults: Fault[]): string | undefined {
  if (field === undefined && header === undefined) {
    faults.push({ path: "/signature", message: `is missing: send the field, or the header ${SIGNATURE_HEADER}` });
  }
  const isOther = field !== undefined && header !== undefined && spelledAlike(field) !== spelledAlike(header);
  if (isOther) {
    faults.push({ path: "/signature", message: `is not the signature in the header ${SIGNATURE_HEADER}` });
  }
  return field ?? header;
}

function spelledAlike(signature: string): string {
  const bytes = decodeStrictly(signature, 64);
  return bytes === undefined ? signature : toHex(bytes);
}

function toPublication({ fields, file }: Upload<ReceivedFile>, header: string | null): FormPublication {
  const faults: Fault[] = [];
  const scheme = schemeOf(fields.get("signatureScheme"), faults);
  const signature = signatureOf(fields.get("signature")?.trim() || undefined, header?.trim() || undefined, faults);
  if (file === undefined) faults.push({ path: "/archive", message: "is missing: send the package as a file" });
  const metadata = parseMetadata(fields.get(METADATA_FIELD), faults);
  if (file === undefined || signature === undefined || faults.length > 0) {
    throw failure({ code: "validation_failed", faults });
  }
  return {
    received: file,
    signature,
    scheme,
    publicKey: fields.get("publicKey")?.trim() || undefined,
    statedName: fields.get("name"),
    statedVersion: fields.get("version"),
    metadata,
  };
}

/**
 * Receives a publish form and hands it to `task`. The received file is deleted afterwards, whether
 * or not `task` succeeded. Throws `validation_failed` with every missing field, or what reading the
 * form throws.
 */
export async function withPublishForm<T>(
  { config, blobs, timer }: Pick<Deps, "config" | "blobs"> & { readonly timer: PublishTimer },
  request: Request,
  task: (publication: FormPublication) => Promise<T>,
): Promise<T> {
  const fileMaxBytes = config.archiveLimits.compressedMaxBytes;
  const upload = await timer.run("receive", () =>
    readUpload<ReceivedFile>(request, {
      fileField: "archive",
      textFields: TEXT_FIELDS,
      longField: METADATA_FIELD,
      fileMaxBytes,
      receive: (chunks) => receiveFile(chunks, blobs.incomingDir, fileMaxBytes),
      discard: ({ path }) => discardFile(path),
    }),
  );
  try {
    return await task(toPublication(upload, request.headers.get(SIGNATURE_HEADER)));
  } finally {
    if (upload.file !== undefined) await discardFile(upload.file.path);
  }
}
