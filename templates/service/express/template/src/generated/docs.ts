/** The API's description and a page to read it, served without any other host. */
import { STATUS_CODES } from "node:http";
import { createRequire } from "node:module";
import { dirname } from "node:path";

import { static as files } from "express";
import { type TSchema, Type } from "typebox";

import type { App } from "./app.ts";
import { DESCRIPTION, TITLE, VERSION } from "./identity.ts";
import type { Route, Schema } from "./routing.ts";

const ASSETS = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
const POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
].join("; ");
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>API</title>
    <link rel="stylesheet" href="/api/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="page"></div>
    <script src="/api/docs/swagger-ui-bundle.js"></script>
    <script src="/api/docs/start.js"></script>
  </body>
</html>
`;
const SCRIPT = `SwaggerUIBundle({ dom_id: "#page", url: "/api/openapi.json", deepLinking: true });\n`;

const Fault = Type.Object({ in: Type.String(), pointer: Type.String(), detail: Type.String() });
const ProblemSchema = Type.Object(
  {
    type: Type.String({ format: "uri-reference" }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    correlation_id: Type.Optional(Type.String()),
    errors: Type.Optional(Type.Array(Fault)),
  },
  { title: "Problem", description: "Problem details (RFC 9457)" },
);
const PROBLEM = {
  description: "Problem",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** Describe the routes, those that are added later as well. */
export function installDocs(app: App): void {
  const hidden = { schema: { hide: true } };
  app.get("/api/openapi.json", hidden, () => describe(app.routes));
  app.get("/api/docs", hidden, (_, response) =>
    response.set("content-security-policy", POLICY).type("html").send(PAGE),
  );
  app.get("/api/docs/start.js", hidden, (_, response) => response.type("js").send(SCRIPT));
  app.express.use("/api/docs", files(ASSETS, { index: false, maxAge: "1h" }));
}

/** The description as OpenAPI 3.1. */
function describe(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, schema } of routes) {
    if (!schema.hide) (paths[path] ??= {})[method] = operation(schema);
  }
  return {
    openapi: "3.1.0",
    info: { title: TITLE, description: DESCRIPTION, version: VERSION },
    components: { schemas: { Problem: ProblemSchema } },
    paths,
  };
}

function operation({ summary, description, tags, body, response, ...schema }: Schema): object {
  const answers = Object.entries(response ?? {}).map(([status, one]) => [
    status,
    answer(status, one),
  ]);
  return {
    summary,
    description,
    tags,
    parameters: [
      ...parameters("path", schema.params),
      ...parameters("query", schema.querystring),
      ...parameters("header", schema.headers),
    ],
    ...(body && { requestBody: { required: true, content: json(body) } }),
    responses: { ...(Object.fromEntries(answers) as object), default: PROBLEM },
  };
}

function answer(status: string, schema: TSchema): object {
  const { headers, ...of } = schema as Words;
  const { type, description = STATUS_CODES[status] ?? "Answer" } = of;
  const told = { description, ...(headers && { headers: described(headers) }) };
  return type === "null" ? told : { ...told, content: json(of) };
}

function described(headers: Readonly<Record<string, Words>>): object {
  const entries = Object.entries(headers).map(([name, { description, ...schema }]) => [
    name,
    { description, schema },
  ]);
  return Object.fromEntries(entries) as object;
}

function json(schema: object): object {
  return { "application/json": { schema } };
}

/** As much of JSON Schema as a description reads. */
interface Words {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Words>>;
  readonly required?: readonly string[];
  readonly headers?: Readonly<Record<string, Words>>;
}

function parameters(place: string, schema: TSchema | undefined): object[] {
  const { properties = {}, required = [] } = (schema ?? {}) as Words;
  return Object.entries(properties).map(([name, { description, ...of }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    description,
    schema: of,
  }));
}
