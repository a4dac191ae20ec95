import { Failure } from "../errors.ts";
import type { Logger } from "../runtime/logger.ts";
import { errorFields } from "../runtime/logger.ts";
import { formatVerifierKey, verifierOf } from "../tlog/note.ts";
import { addCheckpoint, type Witness, type WitnessAnswer } from "./add-checkpoint.ts";

/** A checkpoint with a hundred cosignatures and a proof is far smaller. */
const BODY_MAX_BYTES = 64 * 1024;
const IDLE_SECONDS = 10;
const TEXT = "text/plain; charset=utf-8";

function responseOf(answer: WitnessAnswer): Response {
  const { status } = answer;
  if (status === 200) return new Response(answer.cosignature, { headers: { "content-type": TEXT } });
  if (status !== 409) return new Response(null, { status });
  return new Response(`${answer.size}\n`, { status, headers: { "content-type": "text/x.tlog.size" } });
}

async function answer(witness: Witness, logger: Logger, request: Request): Promise<Response> {
  try {
    return responseOf(await addCheckpoint(witness, await request.text()));
  } catch (cause) {
    logger.error("internal", errorFields(cause));
    return new Response(null, { status: cause instanceof Failure ? 503 : 500 });
  }
}

/**
 * Serves add-checkpoint (c2sp.org/tlog-witness). `GET /vkey` returns the key that verifies the
 * cosignatures.
 */
export function serveWitness(
  witness: Witness,
  logger: Logger,
  listen: { readonly hostname: string; readonly port: number },
) {
  const vkey = `${formatVerifierKey(verifierOf(witness.signer))}\n`;
  return Bun.serve({
    ...listen,
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: BODY_MAX_BYTES,
    routes: {
      "/add-checkpoint": { POST: (request) => answer(witness, logger, request) },
      "/vkey": { GET: () => new Response(vkey, { headers: { "content-type": TEXT } }) },
      "/health": { GET: () => Response.json({ status: "ok" }) },
    },
    fetch: () => new Response(null, { status: 404 }),
  });
}
