import { swagger } from "@elysiajs/swagger";
import { t } from "elysia";
import { LoginAnswerSchema, UserAnswerSchema, UserSchema } from "../accounts/schemas.ts";
import { HealthSchema } from "../ops/routes.ts";
import {
  FileListSchema,
  PackageListSchema,
  PackageSchema,
  PackageSummarySchema,
  VersionSchema,
} from "../packages/schemas.ts";
import { SIGNATURE_SCHEMES } from "../signing/statement.ts";
import { VERSION } from "../version.ts";
import { ProblemSchema } from "./schemas.ts";

const SignatureSchema = t.Object({
  scheme: t.Union(SIGNATURE_SCHEMES.map((scheme) => t.Literal(scheme))),
  keyId: t.String(),
  publicKey: t.String({ description: "Lower-case hex" }),
  signature: t.String({ description: "Base64" }),
  statement: t.Unsafe<string | null>({ type: "string", nullable: true, description: "The bytes that cpm-v1 signs" }),
});

const schemas = {
  Archive: t.Unsafe({ type: "string", format: "binary" }),
  FileList: FileListSchema,
  Health: HealthSchema,
  LoginAnswer: LoginAnswerSchema,
  Package: PackageSchema,
  PackageList: PackageListSchema,
  PackageSummary: PackageSummarySchema,
  Problem: ProblemSchema,
  Signature: SignatureSchema,
  Text: t.String(),
  User: UserSchema,
  UserAnswer: UserAnswerSchema,
  Version: VersionSchema,
};

/** `/swagger/json`: the OpenAPI description of every route that is not hidden. The page is `api-page.ts`. */
export function apiDescription(publicUrl: string) {
  return swagger({
    path: "/swagger",
    specPath: "/swagger/json",
    exclude: [/^\/api\/v1\//, "/swagger", "/swagger/json"],
    documentation: {
      info: {
        title: "cpm-registry",
        version: VERSION,
        description: "The package registry of CPM. Every address under /api is also under /api/v1.",
      },
      servers: [{ url: publicUrl }],
      tags: [
        { name: "accounts", description: "Accounts and their sessions" },
        { name: "packages", description: "Publish, search, read, download and yank" },
        { name: "operations", description: "Health" },
      ],
      components: {
        securitySchemes: {
          session: {
            type: "http",
            scheme: "bearer",
            bearerFormat: "JWT",
            description: "The token of POST /api/auth/login",
          },
        },
        schemas: JSON.parse(JSON.stringify(schemas)),
      },
    },
  });
}
