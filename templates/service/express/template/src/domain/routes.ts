/** Endpoints beyond those of the resources; their paths begin with `/api/v1`. */
import type { Routes } from "../generated/extension.ts";

export const routes: Routes = () => {
  // (app, runtime) => app.get("/api/v1/…", { schema: … }, async (request) => …)
};
