import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rootOf } from "../../src/tlog/merkle.ts";
import { COSIGNATURE, formatVerifierKey } from "../../src/tlog/note.ts";
import { tilePath } from "../../src/tlog/tile.ts";
import { openTesseraVerifier } from "./go-verifier.ts";
import { COSIGNED_AT, type LogFolder, log, openLogFolder, SIZES, signer, tree, witness } from "./log-folder.ts";

const tessera = await openTesseraVerifier();

describe.skipIf(tessera === undefined)("Tessera's fsck", () => {
  let folder: LogFolder;
  const check = (witnessKeys = [formatVerifierKey(witness)]) => {
    if (tessera === undefined) throw new Error("skipped without Go");
    return tessera.checkLog(folder.path, formatVerifierKey(log), witnessKeys);
  };

  beforeAll(() => {
    folder = openLogFolder();
  });

  afterAll(() => {
    folder.remove();
    tessera?.remove();
  });

  test.each(SIZES)("Tessera accepts a log of %d leaves and its cosignature", async (size) => {
    await folder.writeLog(size);
    const root = (await rootOf(size, tree.read)).toString("base64");
    expect(await check()).toEqual({ size, root, cosigned: { [witness.name]: COSIGNED_AT.getTime() / 1000 } });
  });

  test("Tessera refuses what was tampered with, and ignores the cosignature of an unknown witness", async () => {
    const tiles = await folder.writeLog(257);
    for (const path of tiles.map(tilePath)) {
      expect(await folder.tampered(path, check)).toEqual({ error: expect.stringContaining(path) });
    }
    const bundle = tilePath({ level: "entries", index: 0, width: 256 });
    // Both tiles above it are wrong then. The error names the one that the first worker finds.
    const isNamed = expect.stringMatching(/tile\/(?:0\/000|1\/000\.p\/1): log has/);
    expect(await folder.tampered(bundle, check)).toEqual({ error: isNamed });
    expect(await check([formatVerifierKey(signer(witness.name, 9, COSIGNATURE))])).toMatchObject({
      size: 257,
      cosigned: {},
    });
  });
});
