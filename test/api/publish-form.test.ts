import { expect, test } from "bun:test";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Answer,
  type Client,
  expectProblem,
  makeKey,
  newAccount,
  signMessage,
  statementOf,
} from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";

onBothDatabases("the form of a publish", (registry) => {
  const key = makeKey();
  let names = 0;

  /** Publishes a new package. `change` changes the form, which has an archive and the key. */
  async function publish(
    change: (form: FormData, signature: string) => void,
    headers: (signature: string) => Record<string, string> = () => ({}),
    by?: Client,
  ): Promise<Answer> {
    const alice = by ?? (await newAccount(registry()));
    names += 1;
    const name = `form-${names}`;
    const archive = makePackage({ name, version: "1.0.0", tags: ["a", "b"], description: "A form" });
    const signature = signMessage(key, statementOf(name, "1.0.0", archive));
    const form = new FormData();
    form.set("archive", new Blob([new Uint8Array(archive)]), "package.cpm");
    form.set("publicKey", key.publicHex);
    change(form, signature);
    return alice.send("POST", "/api/packages", form, headers(signature));
  }

  const hex = (text: string) => Buffer.from(text, "base64").toString("hex");
  const wrapped = (text: string) => text.replace(/.{40}/g, (line) => `${line}\r\n`);

  test("may have key and signature in capitals, in base64 and with line breaks", async () => {
    const base64Key = Buffer.from(key.publicHex, "hex").toString("base64");
    const spellings: ((form: FormData, signature: string) => void)[] = [
      (form, signature) => form.set("signature", hex(signature).toUpperCase()),
      (form, signature) => form.set("signature", `${wrapped(signature)}\n`),
      (form, signature) => form.set("signature", wrapped(hex(signature))),
    ];
    for (const set of spellings) {
      for (const publicKey of [key.publicHex.toUpperCase(), base64Key, `${wrapped(base64Key)}\n`]) {
        const answer = await publish((form, signature) => {
          set(form, signature);
          form.set("publicKey", publicKey);
        });
        expect([answer.status, answer.body.signature?.publicKey]).toEqual([201, key.publicHex]);
      }
    }
  });

  test("may have the signature in the header X-Signature, and where both have one, they agree", async () => {
    const inHeader = (signature: string) => ({ "x-signature": signature });
    expect((await publish(() => undefined, inHeader)).status).toBe(201);
    expect((await publish((form, signature) => form.set("signature", signature), inHeader)).status).toBe(201);
    const respelled = (form: FormData, signature: string) => form.set("signature", hex(signature).toUpperCase());
    expect((await publish(respelled, inHeader)).status).toBe(201);
    const other = await publish((form) => form.set("signature", "00".repeat(64)), inHeader);
    expectProblem(other, 422, "validation_failed");
    expect(other.body.errors[0]).toEqual({
      path: "/signature",
      message: "is not the signature in the header X-Signature",
    });
    const none = await publish(() => undefined);
    expect(none.body.errors[0]).toEqual({
      path: "/signature",
      message: "is missing: send the field, or the header X-Signature",
    });
  });

  test("may have metadata as JSON, as a field or a file, that agrees with the manifest", async () => {
    const metadata = { version: "1.0.0", description: "A form", tags: ["a", "b"], inputs: [], license: null, x: 1 };
    const asField = await publish((form, signature) => {
      form.set("signature", signature);
      form.set("metadata", JSON.stringify(metadata));
    });
    const asFile = await publish((form, signature) => {
      form.set("metadata", new Blob([JSON.stringify(metadata)], { type: "application/json" }), "metadata.json");
      form.set("signature", signature);
    });
    expect([asField.status, asFile.status]).toEqual([201, 201]);
  });

  test.each<[string, string[]]>([
    ['{"name":"other"}', ["/metadata/name"]],
    ['{"version":"1.0.1","tags":["a"]}', ["/metadata/version", "/metadata/tags"]],
    ['{"description":"Another"}', ["/metadata/description"]],
    ['{"license":"MIT","inputs":[{"key":"a"}]}', ["/metadata/inputs", "/metadata/license"]],
    ["[]", ["/metadata"]],
    ["{", ["/metadata"]],
  ])("is refused with metadata %s, which says something else, and nothing is stored", async (metadata, paths) => {
    const answer = await publish((form, signature) => {
      form.set("signature", signature);
      form.set("metadata", metadata);
    });
    expectProblem(answer, 422, "validation_failed");
    expect(answer.body.errors.map(({ path }: { path: string }) => path).sort()).toEqual(paths.sort());
    const reader = await newAccount(registry());
    expect((await reader.get(`/api/packages/form-${names}`)).status).toBe(404);
  });

  test("is refused with metadata above 64 KiB", async () => {
    const answer = await publish((form) => form.set("metadata", `{"x":"${"a".repeat(65_536)}"}`));
    expectProblem(answer, 400, "malformed_body");
  });
});
