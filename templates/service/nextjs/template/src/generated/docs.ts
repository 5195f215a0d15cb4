/** The description of the application's own API, and a page to read it, served without any other host. */
import { DESCRIPTION, TITLE, VERSION } from "./identity.ts";

const json = (schema: object) => ({ "application/json": { schema } });
const text = { type: "string" };
const PROBLEM = {
  description: "Problem",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** OpenAPI 3.1. */
export const openapi = {
  openapi: "3.1.0",
  info: { title: TITLE, description: DESCRIPTION, version: VERSION },
  components: {
    schemas: {
      Problem: {
        title: "Problem",
        description: "Problem details (RFC 9457)",
        type: "object",
        required: ["type", "title", "status"],
        properties: {
          type: { type: "string", format: "uri-reference" },
          title: text,
          status: { type: "integer" },
          detail: text,
          correlation_id: text,
        },
      },
      Service: {
        title: "Service",
        type: "object",
        required: ["name", "status"],
        properties: { name: text, status: { type: "string", enum: ["up", "down"] } },
      },
    },
  },
  paths: {
    "/api/session": {
      post: {
        tags: ["application"],
        summary: "Log in with an access token of the platform",
        requestBody: {
          required: true,
          content: json({ type: "object", required: ["token"], properties: { token: text } }),
        },
        responses: { 204: { description: "Logged in" }, default: PROBLEM },
      },
      delete: {
        tags: ["application"],
        summary: "Log out",
        responses: { 204: { description: "Logged out" }, default: PROBLEM },
      },
    },
    "/api/services": {
      get: {
        tags: ["application"],
        summary: "Which services answer",
        responses: {
          200: {
            description: "The services",
            content: json({ type: "array", items: { $ref: "#/components/schemas/Service" } }),
          },
          default: PROBLEM,
        },
      },
    },
    "/api/gateway/{path}": {
      get: {
        tags: ["application"],
        summary: "Read from the platform's gateway as the person who is logged in",
        parameters: [
          {
            name: "path",
            in: "path",
            required: true,
            description: "A path that begins with api/",
            schema: text,
          },
        ],
        responses: { 200: { description: "What the gateway answers" }, default: PROBLEM },
      },
    },
  },
};

export const DESCRIPTION_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>API</title>
    <link rel="stylesheet" href="/api-docs/swagger-ui.css" />
  </head>
  <body>
    <div id="page"></div>
    <script src="/api-docs/swagger-ui-bundle.js"></script>
    <script src="/api/docs/start.js"></script>
  </body>
</html>
`;
export const DESCRIPTION_SCRIPT = `SwaggerUIBundle({ dom_id: "#page", url: "/api/openapi.json" });\n`;
