import { expect } from "bun:test";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { makePackage } from "../support/archive-maker.ts";

/**
 * Sends a request, expects the status and returns the JSON answer. A failure shows the answer that
 * came instead.
 */
async function ask<Answer>(url: string, status: number, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  expect({ url, status: response.status, text: response.status === status ? "" : text }).toEqual({
    url,
    status,
    text: "",
  });
  return JSON.parse(text);
}

function post(body: object): RequestInit {
  return { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
}

/**
 * Builds the signed statement independently. A test that shared the registry's code would prove
 * little.
 */
function statement(name: string, version: string, archive: Uint8Array): Buffer {
  const sha256 = createHash("sha256").update(archive).digest("hex");
  return Buffer.from(
    `cpm-package-signature/v1\nname: ${name}\nversion: ${version}\nsha256: ${sha256}\nsize: ${archive.length}\n`,
  );
}

function signedForm(name: string, version: string, archive: Uint8Array): FormData {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const form = new FormData();
  form.set("archive", new File([new Uint8Array(archive)], `${name}-${version}.cpm`, { type: "application/gzip" }));
  form.set("signature", sign(null, statement(name, version, archive), privateKey).toString("base64"));
  form.set("publicKey", Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url").toString("hex"));
  return form;
}

/**
 * Does the main job of a registry: creates an account, publishes a signed package, finds it, and
 * downloads it byte for byte.
 */
export async function doMainJob(base: string): Promise<void> {
  const [name, version] = ["binary-proof", "1.2.3"];
  const account = { username: "maker", password: "correct horse battery staple" };
  await ask(`${base}/api/auth/register`, 201, post({ ...account, email: "maker@example.org" }));
  const { token } = await ask<{ token: string }>(`${base}/api/auth/login`, 200, post(account));
  const headers = { authorization: `Bearer ${token}` };

  const archive = makePackage({ name, version, description: "Proves that the executable works" });
  const form = signedForm(name, version, archive);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  const published = await ask<{ sha256: string; signature: { scheme: string } }>(`${base}/api/packages`, 201, {
    method: "POST",
    body: form,
    headers,
  });
  expect(published).toMatchObject({ sha256, signature: { scheme: "cpm-v1" } });

  const found = await ask<{ items: { name: string }[] }>(`${base}/api/packages?search=executable`, 200);
  expect(found.items.map((item) => item.name)).toEqual([name]);
  const download = await fetch(`${base}/api/packages/${name}/${version}/download`);
  expect(download.status).toBe(200);
  const bytes = new Uint8Array(await download.arrayBuffer());
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
}
