import { expect } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { signText } from "../../scripts/release/sign.ts";
import { blocksOf, readDocument } from "../docs/documents.ts";
import { checkOutRelease, cutNextRelease, makeRelease, NEXT_VERSION, runIn } from "../support/made-release.ts";

/* The release of the year: who makes it, where it is downloaded from, and how it is installed. */

/** The address and the key that docs/self-hosting.md has in place of real ones. */
const DOCUMENTED_ADDRESS = "https://downloads.example.org/cpm-registry/0.3.0";
const DOCUMENTED_KEY = "ssh-ed25519 AAAA…";
const TARGET = `${process.platform}-${process.arch}`;
const ARCHIVE = `cpm-registry-${NEXT_VERSION}-${TARGET}.tar.gz`;

const [INSTALL = "", INSTALL_WITH_KEY = ""] = blocksOf(readDocument("docs/self-hosting.md"))
  .filter(({ heading, language }) => heading === "Install" && language === "shell")
  .map(({ text }) => text);

/** A release of this source on a web server, which can be a mirror that lies. */
export class Downloads {
  /** What the mirror sends in place of files of the release. */
  readonly #altered = new Map<string, Buffer<ArrayBuffer>>();
  readonly #server: Bun.Server<undefined>;
  readonly #checkout: string;
  readonly #place: string;
  readonly #key = generateKeyPairSync("ed25519").privateKey;

  private constructor(place: string) {
    this.#place = place;
    this.#checkout = join(place, "checkout");
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#answer(request) });
  }

  /** Makes the release below `place` as docs/releasing.md says, and serves it. */
  static async open(place: string): Promise<Downloads> {
    const downloads = new Downloads(place);
    const repository = join(place, "repository");
    await cutNextRelease(repository);
    await checkOutRelease(repository, downloads.#checkout);
    const keyFile = join(place, "release.pem");
    writeFileSync(keyFile, downloads.#key.export({ format: "pem", type: "pkcs8" }), { mode: 0o600 });
    await makeRelease(downloads.#checkout, "--target", TARGET, "--key", keyFile, "--base-url", downloads.#url);
    return downloads;
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#server.port}/cpm-registry/${NEXT_VERSION}`;
  }

  #answer(request: Request): Response {
    const name = new URL(request.url).pathname.split("/").at(-1) ?? "";
    const altered = this.#altered.get(name);
    return altered ? new Response(altered) : new Response(Bun.file(join(this.#checkout, "dist/release", name)));
  }

  /** Runs documented commands, which install into `directory` instead of a place of the machine. */
  async #run(script: string, cwd: string, directory: string): Promise<string> {
    const { sshKey } = signText("", this.#key, "");
    const commands = script
      .replaceAll(DOCUMENTED_ADDRESS, this.#url)
      .replaceAll(DOCUMENTED_KEY, sshKey)
      .replace(/^sh \S*install\.sh/m, (install) => `${install} --dir '${directory}'`);
    const [home, temporary] = [join(this.#place, "home"), join(this.#place, "tmp")];
    for (const each of [home, temporary]) mkdirSync(each, { recursive: true });
    const env = { HOME: home, TMPDIR: temporary, PATH: `${directory}:${process.env.PATH}` };
    return runIn(cwd, ["sh", "-euc", commands], env);
  }

  /** Installs the release with the documented commands, and expects it to be this very commit. */
  async installInto(directory: string): Promise<void> {
    const printed = await this.#run(INSTALL, this.#place, directory);
    expect(printed).toContain(`Installed cpm-registry ${NEXT_VERSION}`);
    const commit = await runIn(this.#checkout, ["git", "rev-parse", "HEAD"]);
    const version = await runIn(this.#place, [join(directory, "cpm-registry"), "version", "--json"]);
    expect(JSON.parse(version)).toMatchObject({ version: NEXT_VERSION, commit });
  }

  /**
   * Expects that a mirror without the release's key cannot have its own archive installed with the
   * script of the maintainer, neither with the old checksums nor with new ones.
   */
  async expectLiesRefused(directory: string): Promise<void> {
    const release = join(this.#checkout, "dist/release");
    const archive = Buffer.concat([readFileSync(join(release, ARCHIVE)), Buffer.of(0)]);
    const sums = readFileSync(join(release, "SHA256SUMS"), "utf8");
    const sum = new Bun.CryptoHasher("sha256").update(archive).digest("hex");
    const forged = sums.replace(new RegExp(`^[0-9a-f]{64}(?=  ${RegExp.escape(ARCHIVE)}$)`, "m"), sum);
    const install = () => this.#run(INSTALL_WITH_KEY, this.#checkout, directory);
    this.#altered.set(ARCHIVE, archive);
    await expect(install()).rejects.toThrow(`the checksum of ${this.#url}/${ARCHIVE} is wrong`);
    this.#altered.set("SHA256SUMS", Buffer.from(forged));
    await expect(install()).rejects.toThrow(`the signature of ${this.#url}/SHA256SUMS is wrong`);
    this.#altered.clear();
  }

  close(): Promise<void> {
    return this.#server.stop(true);
  }
}
