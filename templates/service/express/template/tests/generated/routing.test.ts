/** Routes with schemas on Express. */
import { Type } from "typebox";
import { expect, test } from "vitest";

import type { Extension } from "../../src/generated/extension.ts";
import { createTestApp } from "../support.ts";

const Thing = Type.Object({ id: Type.String() }, { description: "A thing" });

function routed(extension: Extension): void {
  extension.routes.push((app) => {
    const params = Type.Object({ thing_id: Type.String({ format: "uuid" }) });
    const querystring = Type.Object({ n: Type.Integer({ default: 7, description: "How many" }) });
    const schema = {
      summary: "Replace a thing",
      params,
      querystring,
      body: Thing,
      response: { 200: Thing, 204: Type.Null() },
    };
    app.put("/things/:thing_id", { schema }, ({ params, query, body }) => ({
      id: `${params.thing_id} ${query.n + 1} ${body.id}`,
    }));
    app.get("/own", (_, response) => {
      response.type("text").send("said by itself");
    });
    app.get("/late", (_, response) => {
      response.write("begun");
      throw new Error("too late");
    });
    app.express.get("/plain", (_, response) => void response.send("plain Express"));
  });
}

const path = "/things/018f0000-0000-7000-8000-000000000001";

test("what fits is handled, with defaults and numbers", async () => {
  const { app } = await createTestApp(routed);
  const put = { method: "PUT", payload: { id: "x" } };
  const answer = await app.inject({ ...put, url: `${path}?n=41` });
  expect(answer.json()).toEqual({ id: `${path.slice(8)} 42 x` });
  const { id } = (await app.inject({ ...put, url: path })).json<{ id: string }>();
  expect(id).toMatch(/ 8 x$/);
});

test("every part that does not fit is named", async () => {
  const { app } = await createTestApp(routed);
  const answer = await app.inject({ method: "PUT", url: "/things/1?n=x", payload: [] });
  expect(answer.statusCode).toBe(422);
  const faults = [
    { in: "path", pointer: "/thing_id" },
    { in: "query", pointer: "/n" },
    { in: "body", pointer: "" },
  ];
  expect(answer.json()).toMatchObject({ errors: faults });
});

test("a body that is no JSON is refused", async () => {
  const { app } = await createTestApp(routed);
  const headers = { "content-type": "text/plain" };
  const answer = await app.inject({ method: "PUT", url: path, payload: "x", headers });
  expect(answer.statusCode).toBe(415);
});

test("a handler may answer by itself", async () => {
  const { app } = await createTestApp(routed);
  expect((await app.inject("/own")).body).toBe("said by itself");
  expect((await app.inject("/plain")).body).toBe("plain Express");
});

test("an error in the middle of an answer breaks it off", async () => {
  const { app } = await createTestApp(routed);
  await expect(app.inject("/late")).rejects.toThrow();
});

test("routes are described", async () => {
  const { app } = await createTestApp(routed);
  const { paths } = (await app.inject("/api/openapi.json")).json<{ paths: object }>();
  expect(paths).toHaveProperty("/things/{thing_id}.put");
  expect(paths).toMatchObject({
    "/things/{thing_id}": {
      put: {
        summary: "Replace a thing",
        parameters: [
          { name: "thing_id", in: "path", required: true },
          { name: "n", in: "query", required: true, description: "How many" },
        ],
        responses: { 200: { description: "A thing" }, 204: { description: "No Content" } },
      },
    },
  });
});
