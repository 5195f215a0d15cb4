/** The API's description and a page to read it, served without any other host. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";

import type { App } from "./app.ts";
import { DESCRIPTION, TITLE, VERSION } from "./identity.ts";

const POLICY = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self' 'unsafe-inline'",
  "img-src": "'self' data:",
  "connect-src": "'self'",
  "frame-ancestors": "'none'",
};

/** Describe every route that is added from now on. */
export async function installDocs(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: TITLE, description: DESCRIPTION, version: VERSION },
    },
    refResolver: { buildLocalReference: ({ $id }) => $id as string },
  });
  await app.register(swaggerUi, { routePrefix: "/api/docs", staticCSP: POLICY });
  app.get("/api/openapi.json", { schema: { hide: true } }, () => app.swagger());
}
