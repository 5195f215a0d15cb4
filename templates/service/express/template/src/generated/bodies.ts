/** The bodies of requests: JSON, and no more of it than is allowed. */
import { json } from "express";

import type { App } from "./app.ts";
import { Problem } from "./errors.ts";
import type { Settings } from "./settings.ts";

const JSON_TYPES = ["application/json", "application/*+json"];

/** Read the body of every request that holds JSON. */
export function installBodies(app: App, { maxBodyBytes }: Settings): void {
  // Express reads to the end before it refuses; what announces its length need not be read at all.
  app.express.use((request, _, next) => {
    if (Number(request.get("content-length") ?? 0) <= maxBodyBytes) next();
    else next(new Problem(413, `The body is larger than ${maxBodyBytes} bytes.`));
  });
  app.express.use(json({ limit: maxBodyBytes, strict: false, type: JSON_TYPES }));
}
