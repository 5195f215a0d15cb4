/** Tests of the code that people write; never overwritten. */
import { expect, test } from "vitest";

import { createTestApp } from "../support.ts";

test("the service starts with its own code", async () => {
  const { app } = await createTestApp();
  expect((await app.inject("/health")).statusCode).toBe(200);
});
