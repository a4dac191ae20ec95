import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "./checker.ts";
import { drive, makePublishers } from "./driver.ts";
import { isAcknowledged, readJournals } from "./journal.ts";
import { readRows, type VersionRow } from "./rows.ts";
import { onScene, type Scene } from "./scene.ts";

/* Every fault test relies on the checker, so the checker must notice each kind of damage. */

interface Damage {
  readonly title: string;
  readonly seenAs: RegExp;
  readonly cause: (victim: VersionRow, blob: string, scene: Scene) => void;
}

/**
 * A server on SQLite looks for changes of other processes four times a second, and nothing shows
 * that it did.
 */
const HEARD_AFTER_MS = 500;

function change(dataDir: string, statement: string): void {
  const database = new Database(join(dataDir, "registry.db"));
  try {
    database.run("PRAGMA foreign_keys = OFF");
    database.run(statement);
    // Otherwise the server, which looks four times a second, would serve tiles from its cache.
    database.run(`INSERT INTO package_changes (names) VALUES ('["/log/tile/"]')`);
  } finally {
    database.close();
  }
  Bun.sleepSync(HEARD_AFTER_MS);
}

const onlyVictim = ({ sha256 }: VersionRow) => `sha256 = '${sha256}'`;
const idOf = (victim: VersionRow) => `(SELECT id FROM versions WHERE ${onlyVictim(victim)})`;
const LAST = `(SELECT max(idx) FROM log_leaves)`;

/** Writes a journal with an attempt that was never made. */
function forge(journals: string, attempt: string, victim: VersionRow, answer: object): void {
  const lines = [
    { ...victim, variant: 0, publisher: 0, attempt },
    { ...answer, attempt },
  ];
  appendFileSync(join(journals, `${attempt}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

const OTHER_DIGEST = "0".repeat(64);

const DAMAGES: readonly Damage[] = [
  { title: "a lost archive", seenAs: /has no blob/, cause: (_, blob) => rmSync(blob) },
  {
    title: "an archive cut short",
    seenAs: /has a blob of 10 bytes/,
    cause: (_, blob) => writeFileSync(blob, "0123456789"),
  },
  {
    title: "an archive with other bytes",
    seenAs: /has a damaged blob/,
    cause: ({ size }, blob) => writeFileSync(blob, new Uint8Array(size)),
  },
  {
    title: "a lost version",
    seenAs: /was acknowledged and is gone/,
    cause: (victim, _, { server }) => change(server.dataDir, `DELETE FROM versions WHERE ${onlyVictim(victim)}`),
  },
  {
    title: "a version without its contents",
    seenAs: /has no contents/,
    cause: (victim, _, { server }) =>
      change(server.dataDir, `DELETE FROM version_contents WHERE version_id IN ${idOf(victim)}`),
  },
  {
    title: "a version with other bytes than acknowledged",
    seenAs: /was acknowledged as .* and is 0000/,
    cause: (victim, _, { server }) =>
      change(server.dataDir, `UPDATE versions SET sha256 = '${OTHER_DIGEST}' WHERE ${onlyVictim(victim)}`),
  },
  {
    title: "a version that nobody published",
    seenAs: /was never published/,
    cause: (victim, _, { server }) =>
      change(
        server.dataDir,
        `UPDATE versions SET version = '9.9.9', version_key = '9.9.9' WHERE ${onlyVictim(victim)}`,
      ),
  },
  {
    title: "a package that the list does not show",
    seenAs: /is not listed/,
    cause: ({ name }, _, { server }) => change(server.dataDir, `UPDATE packages SET listed = 0 WHERE name = '${name}'`),
  },
  {
    title: "a file that is none of the registry's",
    seenAs: /junk is none of the registry's files/,
    cause: (_, __, { server }) => writeFileSync(join(server.dataDir, "packages/junk"), ""),
  },
  {
    title: "a leaf that was changed",
    seenAs: /leaves make another root/,
    cause: (_, __, { server }) =>
      change(server.dataDir, `UPDATE log_leaves SET leaf = replace(leaf, 'size ', 'size 1') WHERE idx = ${LAST}`),
  },
  {
    title: "a version that is twice in the log",
    seenAs: /the log has \S+ twice/,
    cause: (_, __, { server }) =>
      change(
        server.dataDir,
        `UPDATE log_leaves SET leaf = (SELECT leaf FROM log_leaves WHERE idx = ${LAST} - 1) WHERE idx = ${LAST}`,
      ),
  },
  {
    title: "a version that is elsewhere in the log",
    seenAs: /and the database says 999/,
    cause: (victim, _, { server }) =>
      change(server.dataDir, `UPDATE versions SET log_index = 999 WHERE ${onlyVictim(victim)}`),
  },
  {
    title: "a proof of something else",
    seenAs: /the proof of \S+ is of something else/,
    cause: (victim, _, { journals }) => {
      const other = readJournals(journals).find(({ sha256, proof }) => sha256 !== victim.sha256 && proof !== undefined);
      forge(journals, "misplaced", victim, { result: 201, proof: other?.proof });
    },
  },
  {
    title: "a proof with another hash",
    seenAs: /the proof of \S+ does not hold/,
    cause: (victim, _, { journals }) => {
      const own = readJournals(journals).find(({ sha256, proof }) => sha256 === victim.sha256 && proof !== undefined);
      const proof = own?.proof?.replace(/\n\n/, `\n${Buffer.alloc(32).toString("base64")}\n\n`);
      forge(journals, "wrong-hash", victim, { result: 201, proof });
    },
  },
  {
    title: "a copy of a checkpoint of which nobody knows",
    seenAs: /the copy of the checkpoint is none/,
    cause: (_, __, { server }) => writeFileSync(join(server.dataDir, "log/checkpoint"), "junk"),
  },
  {
    title: "an answer that no registry should give",
    seenAs: /got 500: oh/,
    cause: (victim, _, { journals }) => {
      forge(journals, "forged", victim, { result: 500, body: "oh" });
    },
  },
];

test(`the checker notices ${DAMAGES.map(({ title }) => title).join(", ")}`, () =>
  onScene("sqlite", async (scene) => {
    const { server, journals } = scene;
    await server.start();
    const publishers = await makePublishers(server.url, 16);
    // Each kind of damage has its own package, so that none hides another. Leaves are rows only
    // until 256 of them are a bundle, so some versions are published after the last check.
    const running = () => {
      const published = readJournals(journals).filter(isAcknowledged);
      const leaves = new Set(published.map(({ name, version }) => `${name} ${version}`)).size % 256;
      return new Set(published.map(({ name }) => name)).size < DAMAGES.length || leaves < 2 || leaves > 128;
    };
    await drive({ publishers, seed: 1, journals, title: "checked", running });
    expect((await check({ server, journals, publishers })).faults).toEqual([]);

    const byPackage = Map.groupBy((await readRows(server)).versions, ({ name }) => name);
    const victims = [...byPackage.values()].flatMap(([first]) => first ?? []);
    expect(victims.length).toBeGreaterThanOrEqual(DAMAGES.length);
    for (const [n, { title, seenAs, cause }] of DAMAGES.entries()) {
      const seen = async () =>
        (await check({ server, journals, collecting: false })).faults.filter((fault) => seenAs.test(fault)).length;
      const before = await seen();
      const victim = victims[n] as VersionRow;
      cause(victim, join(server.dataDir, "packages/sha256", victim.sha256.slice(0, 2), victim.sha256), scene);
      expect([title, (await seen()) > before]).toEqual([title, true]);
    }
  }));
