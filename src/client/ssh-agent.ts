import { createHash } from "node:crypto";
import { createConnection } from "node:net";
import { keyIdOf } from "../signing/verify-archive.ts";
import { clientFault } from "./client-fault.ts";
import type { Signer } from "./signer.ts";

/* The protocol of ssh-agent: draft-ietf-sshm-ssh-agent, and RFC 8709 for Ed25519. */

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const ED25519 = "ssh-ed25519";
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const ANSWER_MAX_BYTES = 256 * 1024;
/** An agent may ask its user to confirm. */
const ANSWER_MAX_MS = 60_000;

interface Identity {
  readonly blob: Buffer;
  readonly comment: string;
}

/** Makes a signer of an Ed25519 key in the agent, named by its comment or its fingerprint. */
export async function agentSigner(socket: string | undefined, wanted: string): Promise<Signer> {
  if (socket === undefined) throw agentFault("No ssh-agent is running here: SSH_AUTH_SOCK is not set.");
  const identities = await ed25519Identities(socket);
  const found = identities.filter((identity) => identity.comment === wanted || fingerprintOf(identity) === wanted);
  const [identity] = found;
  if (identity === undefined || found.length > 1) {
    const listed = identities.map((each) => `${fingerprintOf(each)} (${each.comment})`).join(", ");
    const what =
      found.length > 1 ? `The agent has ${found.length} keys '${wanted}'` : `The agent has no Ed25519 key '${wanted}'`;
    throw agentFault(`${what}. ${listed === "" ? "Add one with ssh-add." : `It has ${listed}.`}`);
  }
  const publicKey = identity.blob.subarray(-KEY_BYTES).toString("hex");
  const sign = async (message: string) => signatureOf(await ask(socket, signRequest(identity.blob, message)));
  return { name: `agent:${wanted}`, publicKey, keyId: keyIdOf(publicKey), sign };
}

/** Lists the Ed25519 keys of the agent by their comments. */
export async function agentKeyNames(socket: string): Promise<string[]> {
  return (await ed25519Identities(socket)).map((identity) => identity.comment || fingerprintOf(identity));
}

function fingerprintOf({ blob }: Identity): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

async function ed25519Identities(socket: string): Promise<Identity[]> {
  const answer = await ask(socket, Buffer.from([REQUEST_IDENTITIES]));
  if (answer[0] !== IDENTITIES_ANSWER) throw agentFault("The ssh-agent lists no keys. Is it locked?");
  const identities: Identity[] = [];
  const reader = new WireReader(answer.subarray(5));
  for (let left = answer.readUInt32BE(1); left > 0; left -= 1) {
    const [blob, comment] = [reader.next(), reader.next().toString("utf8")];
    const key = new WireReader(blob);
    if (key.next().toString("latin1") === ED25519 && key.next().length === KEY_BYTES)
      identities.push({ blob, comment });
  }
  return identities;
}

function signRequest(blob: Buffer, message: string): Buffer {
  const noFlags = Buffer.alloc(4);
  return Buffer.concat([Buffer.from([SIGN_REQUEST]), wireString(blob), wireString(Buffer.from(message)), noFlags]);
}

function signatureOf(answer: Buffer): string {
  if (answer[0] !== SIGN_RESPONSE) throw agentFault("The ssh-agent refused to sign.");
  const reader = new WireReader(new WireReader(answer.subarray(1)).next());
  const [type, signature] = [reader.next().toString("latin1"), reader.next()];
  if (type !== ED25519 || signature.length !== SIGNATURE_BYTES)
    throw agentFault("The ssh-agent made no Ed25519 signature.");
  return signature.toString("base64");
}

function wireString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Reads strings of SSH: a length of four bytes, then the bytes (RFC 4251 §5). */
class WireReader {
  #at = 0;

  constructor(readonly bytes: Buffer) {}

  next(): Buffer {
    const left = this.bytes.length - this.#at - 4;
    const length = left < 0 ? -1 : this.bytes.readUInt32BE(this.#at);
    if (length < 0 || length > left) throw agentFault("The ssh-agent sent a malformed answer.");
    this.#at += 4 + length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }
}

/** Sends one message and returns the answer without its length. */
async function ask(socket: string, message: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const connection = createConnection(socket);
  let received = Buffer.alloc(0);
  connection.setTimeout(ANSWER_MAX_MS, () => reject(agentFault("The ssh-agent does not answer.")));
  connection.on("error", (cause) => reject(agentFault(`The ssh-agent cannot be reached: ${cause.message}`)));
  connection.on("close", () => reject(agentFault("The ssh-agent closed the connection.")));
  connection.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    if (received.length > ANSWER_MAX_BYTES) reject(agentFault("The ssh-agent sent too much."));
    const end = received.length < 4 ? Number.POSITIVE_INFINITY : 4 + received.readUInt32BE(0);
    if (received.length >= end && end > 4) resolve(received.subarray(4, end));
  });
  connection.write(wireString(message));
  try {
    return await promise;
  } finally {
    connection.destroy();
  }
}

function agentFault(detail: string) {
  return clientFault("failed", "client_ssh_agent", detail);
}
