/** Routes on Express: a schema is the type, the check and the description of a request. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";

import express, { type Express, type Request, type RequestHandler, type Response } from "express";
import type { Static, TSchema } from "typebox";

import { Problem } from "./errors.ts";
import { createCheck } from "./validation.ts";

/** What a route takes and gives; `hide` keeps it out of the description. */
export interface Schema {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly hide?: boolean;
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  /** Those that a description tells of; they are not checked. */
  readonly headers?: TSchema;
  readonly body?: TSchema;
  readonly response?: Readonly<Record<number, TSchema>>;
}

/** A route as it was added; its path is in the words of OpenAPI: `/things/{thing_id}`. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly schema: Schema;
}

type Method = "get" | "post" | "put" | "patch" | "delete";
type Part<S, Name extends string, Otherwise> =
  S extends Record<Name, infer Found extends TSchema> ? Static<Found> : Otherwise;

/** A request that fits the schema of its route. */
export type Checked<S> = Request<
  Part<S, "params", Request["params"]>,
  unknown,
  Part<S, "body", unknown>,
  Part<S, "querystring", unknown>
>;

/** Answers a request: with what it returns, as JSON, or by itself. */
export type Handler<S> = (request: Checked<S>, response: Response) => unknown;

interface Add {
  (path: string, handler: Handler<object>): void;
  <S extends Schema>(path: string, options: { readonly schema: S }, handler: Handler<S>): void;
}

/** A service's Express application, with the server that it listens on. */
export class App {
  /** Express itself, for what it offers beyond routes with schemas. */
  readonly express: Express = express()
    .disable("x-powered-by")
    .disable("etag")
    // As the gateway sees it, /ORDERS and /orders/ are other paths, which no check of /orders guards.
    .enable("case sensitive routing")
    .enable("strict routing");
  readonly routes: Route[] = [];
  readonly get = this.#adder("get");
  readonly post = this.#adder("post");
  readonly put = this.#adder("put");
  readonly patch = this.#adder("patch");
  readonly delete = this.#adder("delete");
  readonly #server: Server = createServer(this.express);
  readonly #onListen: (() => void)[] = [];
  readonly #onClose: (() => Promise<void>)[] = [];

  /** Do this once connections are accepted. */
  onListen(act: () => void): void {
    this.#onListen.push(act);
  }

  /** Do this once the last request has its answer. */
  onClose(act: () => Promise<void>): void {
    this.#onClose.push(act);
  }

  /** Accept connections; the port that was taken. */
  async listen({ host, port }: { host: string; port: number }): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    for (const act of this.#onListen) act();
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : port;
  }

  /** Accept no more connections, finish what is in flight, let go of the rest. */
  async close(): Promise<void> {
    // A connection that its client would keep open ends with the answer that is under way.
    this.#server.on("request", (_, response) => response.setHeader("connection", "close"));
    if (this.#server.listening) {
      this.#server.close();
      await once(this.#server, "close");
    }
    for (const act of this.#onClose) await act();
  }

  #adder(method: Method): Add {
    return (path: string, ...rest: [Handler<never>] | [{ schema: Schema }, Handler<never>]) => {
      const [{ schema }, handler] = rest.length === 1 ? [{ schema: {} }, rest[0]] : rest;
      this.routes.push({ method, path: path.replaceAll(/:(\w+)/g, "{$1}"), schema });
      this.express[method](path, answering(schema, handler as Handler<object>));
    };
  }
}

/** Check a request, let it be handled, and send what the handler returns. */
function answering(schema: Schema, handler: Handler<object>): RequestHandler {
  const check = createCheck(schema);
  return async (request, response) => {
    if (schema.body && request.is(["json", "+json"]) === false) {
      throw new Problem(415, "The body must be JSON.");
    }
    check(request);
    const result = await handler(request, response);
    if (result !== undefined && result !== response) response.json(result);
  };
}
