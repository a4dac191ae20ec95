import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { newAccount } from "../../test/support/client.ts";
import { archiveOf, downloadPath, publishArchive, VERSION } from "./archives.ts";
import { compareReads, peer } from "./compare-reads.ts";
import { DOCUMENT, documentPath, publishDocument, readDocument } from "./documents.ts";
import { heading, missingRow, report, residentMb } from "./measure.ts";
import { serveFile, startNginx } from "./nginx.ts";
import { type Peer, prepareNpmPublish, pushBlob, startDistribution, startVerdaccio } from "./peers.ts";
import { send } from "./publishing.ts";
import { benchReadMany } from "./read-many.ts";
import { type BenchRegistry, buildBinary, startBinary, withDirectory } from "./registry.ts";
import type { ServerProcess } from "./server-process.ts";
import { type Load, wrkMissing } from "./wrk.ts";

/** The time without a request after which a process counts as idle. */
const SETTLE_MS = 3_000;
const IDLE_GOAL_MB = 90;
/** The most bytes that a 304 may have, with its head. */
const HEAD_BYTES_MAX = 1_000;
const SMALL = { name: "bench-10kb", label: "10 KB", bytes: 10_000 };
const LARGE = { name: "bench-1mb", label: "1 MB", bytes: 1_000_000 };
const REPOSITORY = "bench";

/** The servers that are measured. Peers that are not installed are undefined. */
interface Sides {
  readonly registry: BenchRegistry;
  readonly nginx: Peer | undefined;
  readonly verdaccio: Peer | undefined;
  readonly distribution: Peer | undefined;
  /** The directory that nginx serves. */
  readonly files: string;
}

async function metadata({ registry, nginx, verdaccio, files }: Sides): Promise<void> {
  await publishDocument(await newAccount(registry));
  const { body, etag } = await readDocument(registry.url);
  serveFile(files, documentPath(), body);
  if (verdaccio !== undefined) {
    for (let count = 0; count < DOCUMENT.versions; count += 1) {
      const tarball = archiveOf(DOCUMENT.name, 1_000);
      await send(prepareNpmPublish(verdaccio.url, DOCUMENT.name, `1.${count}.0`, tarball));
    }
  }
  const url = registry.url + documentPath();
  const label = `metadata of ${DOCUMENT.versions} versions`;
  await compareReads(label, registry, { url, bodyBytes: body.length }, [
    peer("nginx", nginx, 1, (base) => ({ url: base + documentPath(), bodyBytes: body.length })),
    // Each version takes more bytes than this in Verdaccio's document.
    peer("Verdaccio", verdaccio, 30, (base) => ({
      url: `${base}/${DOCUMENT.name}`,
      bodyBytes: 200 * DOCUMENT.versions,
    })),
  ]);
  const answered = nginx && (await fetch(nginx.url + documentPath()));
  const notModified = (address: string, tag: string): Load => ({
    ...{ url: address, bodyBytes: 0, answerBytesMax: HEAD_BYTES_MAX, headers: { "if-none-match": tag } },
  });
  await compareReads("metadata, 304", registry, notModified(url, etag), [
    peer("nginx", nginx, 1, (base) => notModified(base + documentPath(), answered?.headers.get("etag") ?? "")),
  ]);
}

async function downloads(sides: Sides, { name, label, bytes }: typeof SMALL): Promise<void> {
  const { registry, nginx, verdaccio, distribution, files } = sides;
  const archive = archiveOf(name, bytes);
  const bodyBytes = archive.length;
  const isSmall = bytes === SMALL.bytes;
  await publishArchive(await newAccount(registry), name, archive);
  serveFile(files, downloadPath(name), archive);
  const peers = [peer("nginx", nginx, isSmall ? 1 : 0.95, (base) => ({ url: base + downloadPath(name), bodyBytes }))];
  if (isSmall) {
    if (verdaccio !== undefined) await send(prepareNpmPublish(verdaccio.url, name, VERSION, archive));
    const digest = distribution && (await pushBlob(distribution.url, REPOSITORY, archive));
    peers.push(
      peer("Verdaccio", verdaccio, 25, (base) => ({ url: `${base}/${name}/-/${name}-${VERSION}.tgz`, bodyBytes })),
      peer("Distribution", distribution, 40, (base) => ({
        ...{ url: `${base}/v2/${REPOSITORY}/blobs/${digest}`, bodyBytes },
      })),
    );
  }
  const ours = { url: registry.url + downloadPath(name), bodyBytes };
  await compareReads(`download of ${label}`, registry, ours, peers);
}

async function idle({ pid }: BenchRegistry): Promise<void> {
  await Bun.sleep(SETTLE_MS);
  const resident = residentMb(pid);
  if (resident === undefined) return console.log(missingRow("idle memory", "only Linux tells it"));
  report("idle memory of the registry", [resident], "MB", `≤ ${IDLE_GOAL_MB} MB`);
}

/** The parts that share one registry. Each publishes its own packages. */
const PARTS: Readonly<Record<string, (sides: Sides) => Promise<void>>> = {
  idle: ({ registry }) => idle(registry),
  metadata,
  small: (sides) => downloads(sides, SMALL),
  large: (sides) => downloads(sides, LARGE),
};

async function withSides(work: (sides: Sides) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const [files, dataDir] = [join(directory, "files"), join(directory, "data")];
    mkdirSync(files);
    mkdirSync(dataDir);
    const started: ServerProcess[] = [];
    const running = async <Server extends ServerProcess | undefined>(starting: Promise<Server>) => {
      const server = await starting;
      if (server !== undefined) started.push(server);
      return server;
    };
    try {
      const registry = await running(startBinary(dataDir, { LOG_LEVEL: "silent" }));
      const nginx = await running(startNginx(directory, files));
      const verdaccio = await running(startVerdaccio(directory));
      const distribution = await running(startDistribution(directory));
      await work({ registry, nginx, verdaccio, distribution, files });
    } finally {
      for (const server of started) await server.stop();
    }
  });
}

/**
 * Measures reads from one process, in comparison with nginx with one worker and with other
 * registries.
 */
export async function benchRead(asked: readonly string[]): Promise<void> {
  if (wrkMissing !== undefined) return console.log(missingRow("reads", wrkMissing));
  const names = [...Object.keys(PARTS), "many"];
  const unknown = asked.find((part) => !names.includes(part));
  if (unknown !== undefined) throw new Error(`No part ${unknown}. There are: ${names.join(", ")}`);
  const isAsked = (part: string) => asked.length === 0 || asked.includes(part);
  buildBinary();
  console.log(heading());
  const parts = Object.entries(PARTS).filter(([name]) => isAsked(name));
  if (parts.length > 0)
    await withSides(async (sides) => parts.reduce((done, [, part]) => done.then(() => part(sides)), Promise.resolve()));
  if (isAsked("many")) await benchReadMany();
}
