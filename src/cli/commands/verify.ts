import { defineCommand } from "../command.ts";
import { SEEN_LOGS_TEXT, VERIFY_OPTIONS } from "../shared-options.ts";

/** `verify` checks one archive or published version against its signature and the log. */
export const verifyCommand = defineCommand({
  name: "verify",
  summary: "check an archive or a version against its signature and the transparency log",
  options: {
    ...VERIFY_OPTIONS,
    proof: { type: "string", value: "<file>", description: "a stored proof, used instead of the registry's answer" },
  },
  arguments: [{ name: "archive", description: "a file, or <name>[@<version>] of a package; the latest when left out" }],
  help: {
    description: `Checks that an archive is the one that its publisher signed and that the registry's log contains.

      If there is no file of that name, a word such as hello or hello@0.2.0 is a package: that version is fetched,
      checked as download does, and removed again. A file that exists is what is checked. A name with a slash, or with
      an ending such as .cpm, is always a file.

      With --proof alone, no server is asked; download the proof from
      <registry>/api/packages/<name>/<version>/proof.

      ${SEEN_LOGS_TEXT}`,
    failure: "a check failed, or the registry could not be asked",
    examples: [
      "cpm-registry verify hello-0.1.0.cpm",
      "cpm-registry verify hello@0.1.0 --registry https://cpm.example.org",
      "cpm-registry verify hello-0.1.0.cpm --registry https://cpm.example.org",
      "cpm-registry verify hello-0.1.0.cpm --proof hello-0.1.0.proof --vkey <key>",
    ],
  },
  run: async ({ registry, proof, vkey, policy, json }, [archive]) => {
    const { verify } = await import("../verify.ts");
    return verify({ archive, registry, proof, vkey, policy, json });
  },
});
