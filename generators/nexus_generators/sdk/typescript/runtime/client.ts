import { apply, chosen, ClientCredentials, type Credential, type Scheme } from "./auth.ts";
import { encoded, target, type Content, type Given } from "./encode.ts";
import { APIConnectionError, APIError, APITimeoutError, InvalidResponseError, ofStatus } from "./errors.ts";
import { answerFor, type Answer, type Operation } from "./operation.ts";
import { Stream } from "./stream.ts";
import { ended, started, traceparent, type Span, type Tracer } from "./tracing.ts";

/** How often a request is sent again, and how long all of that may take; in milliseconds. */
export interface Retry {
  readonly retries: number;
  readonly firstPause: number;
  readonly longestPause: number;
  readonly budget: number;
}

export const RETRY: Retry = { retries: 2, firstPause: 500, longestPause: 8_000, budget: 60_000 };

/** Functions that see every request before it is sent, and every answer. */
export interface Hooks {
  readonly request?: (request: Request) => void | Promise<void>;
  readonly response?: (response: Response) => void | Promise<void>;
}

/** What one call does differently. */
export interface Options {
  readonly timeout?: number;
  readonly retry?: Partial<Retry>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  readonly server?: string;
  readonly signal?: AbortSignal;
}

/** What all calls of a client have in common. */
export interface Config {
  readonly server: string;
  readonly userAgent: string;
  readonly schemes: ReadonlyMap<string, Scheme>;
  readonly credentials: ReadonlyMap<string, Credential | undefined>;
  readonly timeout: number;
  readonly retry: Retry;
  readonly headers: Readonly<Record<string, string>>;
  readonly hooks: Hooks;
  readonly fetch: typeof fetch;
  readonly tracer: Tracer | undefined;
}

/** How one page leads to the next. */
export interface Paging {
  readonly style: "cursor" | "offset" | "page" | "url" | "link";
  readonly items: readonly string[];
  readonly parameter: string;
  readonly next: readonly string[];
  readonly first?: number;
}

interface Call {
  readonly operation: Operation;
  readonly given: Given;
  readonly body: unknown;
  readonly media: string | undefined;
  readonly options: Options;
  readonly key: string | undefined;
  readonly url?: string;
}

/** A request, and its body once more, for it can be read only once. */
interface Sent {
  readonly request: Request;
  readonly content: Content | undefined;
}

/** An answer whose body has not been read yet, and the time that reading it may take. */
interface Exchange {
  readonly response: Response;
  readonly clock: Clock;
}

/** The time that one try may take, or less if the caller loses interest. */
class Clock {
  readonly timeout: number;
  readonly signal: AbortSignal;
  late = false;
  private readonly timer: ReturnType<typeof setTimeout>;

  constructor(timeout: number, asked: AbortSignal | undefined) {
    this.timeout = timeout;
    const controller = new AbortController();
    this.timer = setTimeout(() => {
      this.late = true;
      controller.abort();
    }, timeout);
    this.signal = asked ? AbortSignal.any([controller.signal, asked]) : controller.signal;
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

/** A result on its way; `withResponse` gives status and headers beside it. */
export class APIPromise<T> implements PromiseLike<T> {
  private readonly start: () => Promise<{ data: T; response: Response }>;
  private running: Promise<{ data: T; response: Response }> | undefined;

  constructor(start: () => Promise<{ data: T; response: Response }>) {
    this.start = start;
  }

  then<A = T, B = never>(
    done?: ((value: T) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.withResponse()
      .then(({ data }) => data)
      .then(done, failed);
  }

  catch<B = never>(failed?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.then(undefined, failed);
  }

  finally(after?: (() => void) | null): Promise<T> {
    return this.then().finally(after);
  }

  /** The data, and the response that it came with. */
  withResponse(): Promise<{ data: T; response: Response }> {
    this.running ??= this.start();
    return this.running;
  }
}

/** Every item of every page; `pages()` gives whole answers. */
export class Pages<Item, Page> implements AsyncIterable<Item> {
  private readonly core: Core;
  private readonly call: Call;
  private readonly paging: Paging;

  constructor(core: Core, call: Call, paging: Paging) {
    this.core = core;
    this.call = call;
    this.paging = paging;
  }

  async *pages(): AsyncGenerator<Page> {
    const seen = new Set([placeOf(this.paging, this.call)]);
    let call: Call | undefined = this.call;
    let last = "";
    while (call !== undefined) {
      const { data, response }: { data: Page; response: Response } = await this.core.read<Page>(call);
      yield data;
      const next: Call | undefined = following(this.paging, call, data, response);
      if (next === undefined) return;
      const place = placeOf(this.paging, next);
      const whole = counted(this.paging, data) ? JSON.stringify(data) : "";
      if (seen.has(place) || (whole !== "" && whole === last)) {
        throw new InvalidResponseError(
          `${nameOf(call)}: the next page is one that was read before (${place.slice(0, 200)}): the list would never end`,
        );
      }
      seen.add(place);
      call = next;
      last = whole;
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Item> {
    for await (const page of this.pages()) yield* itemsOf(this.paging, page) as Item[];
  }
}

function inside(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, name) => (typeof found === "object" && found !== null ? (found as Record<string, unknown>)[name] : undefined),
    value,
  );
}

function itemsOf(paging: Paging, page: unknown): unknown[] {
  const found = inside(page, paging.items);
  return Array.isArray(found) ? found : [];
}

/** Where a page is, as the server knows it. */
function placeOf(paging: Paging, call: Call): string {
  return call.url ?? String(call.given[`query:${paging.parameter}`]);
}

/** Whether a page is counted off and has items that tell it from others. */
function counted(paging: Paging, page: unknown): boolean {
  return (paging.style === "offset" || paging.style === "page") && typeof itemsOf(paging, page)[0] === "object";
}

function following(paging: Paging, call: Call, page: unknown, response: Response): Call | undefined {
  if (paging.style === "link") {
    const next = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(response.headers.get("link") ?? "");
    return next?.[1] === undefined ? undefined : { ...call, url: next[1] };
  }
  const withQuery = (value: unknown): Call => ({ ...call, given: { ...call.given, [`query:${paging.parameter}`]: value } });
  if (paging.style === "cursor" || paging.style === "url") {
    const value = inside(page, paging.next);
    if (value === undefined || value === null || value === "") return undefined;
    return paging.style === "url" ? { ...call, url: String(value) } : withQuery(value);
  }
  const count = itemsOf(paging, page).length;
  if (count === 0) return undefined;
  const present = call.given[`query:${paging.parameter}`];
  return withQuery(paging.style === "offset" ? Number(present ?? 0) + count : Number(present ?? paging.first ?? 1) + 1);
}

function nameOf(call: Call): string {
  return `${call.operation.method} ${call.operation.path}`;
}

/** Let go of an answer that nobody will read. */
async function discard({ response, clock }: Exchange): Promise<void> {
  clock.stop();
  await response.body?.cancel().catch(() => undefined);
}

const IN_BROWSER = "document" in globalThis || "WorkerGlobalScope" in globalThis;
const MOST_REDIRECTS = 20;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const AGAIN = new Set([408, 409, 429]);
const NEEDS_KEY = new Set(["POST", "PATCH"]);

function retryAfter(headers: Headers): number | undefined {
  const exact = headers.get("retry-after-ms");
  if (exact !== null && !Number.isNaN(Number(exact))) return Math.max(0, Number(exact));
  const said = headers.get("retry-after");
  if (said === null) return undefined;
  const seconds = Number(said);
  const pause = Number.isNaN(seconds) ? Date.parse(said) - Date.now() : seconds * 1000;
  return Number.isNaN(pause) ? undefined : Math.max(0, pause);
}

function rest(pause: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, pause);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Sends operations: builds requests, tries again where that is safe, and reads answers. */
export class Core {
  readonly config: Config;

  constructor(config: Config) {
    this.config = config;
  }

  send<T>(operation: Operation, given: Given, body?: unknown, media?: string, options: Options = {}): APIPromise<T> {
    const call = this.call(operation, given, body, media, options);
    return new APIPromise<T>(() => this.read<T>(call));
  }

  pages<Item, Page>(operation: Operation, paging: Paging, given: Given, options: Options = {}): Pages<Item, Page> {
    return new Pages<Item, Page>(this, this.call(operation, given, undefined, undefined, options), paging);
  }

  async stream<T>(
    operation: Operation,
    given: Given,
    body?: unknown,
    media?: string,
    options: Options = {},
  ): Promise<Stream<T>> {
    const call = this.call(operation, given, body, media, options);
    const exchange = await this.exchange(call);
    if (exchange.response.status >= 400) await this.reading(call, exchange, () => this.failure(call, exchange.response));
    exchange.clock.stop(); // a stream takes as long as it takes
    const kind = this.answer(call, exchange.response)?.kind ?? "jsonl";
    return new Stream<T>(exchange.response, nameOf(call), kind, call.options.signal);
  }

  async read<T>(call: Call): Promise<{ data: T; response: Response }> {
    const exchange = await this.exchange(call);
    const { response } = exchange;
    const data = await this.reading(call, exchange, async () => {
      if (response.status >= 400) await this.failure(call, response);
      return (await this.data(call, this.answer(call, response), response)) as T;
    });
    return { data, response };
  }

  /** Read an answer's body within its time. */
  private async reading<T>(call: Call, { clock }: Exchange, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw this.fault(call, clock, error);
    } finally {
      clock.stop();
    }
  }

  /** What to throw for something that went wrong on the way. */
  private fault(call: Call, clock: Clock, error: unknown): unknown {
    if (error instanceof APIError || (call.options.signal?.aborted && !clock.late)) return error;
    const name = nameOf(call);
    if (clock.late) return new APITimeoutError(`${name}: no answer within ${clock.timeout} ms`, { cause: error });
    return new APIConnectionError(`${name}: ${String(error)}`, { cause: error });
  }

  private call(
    operation: Operation,
    given: Given,
    body: unknown,
    media: string | undefined,
    options: Options,
  ): Call {
    const fresh = NEEDS_KEY.has(operation.method) ? globalThis.crypto.randomUUID() : undefined;
    return { operation, given, body, media, options, key: options.idempotencyKey ?? fresh };
  }

  private answer(call: Call, response: Response): Answer | undefined {
    return answerFor(call.operation, response.status, response.headers.get("content-type") ?? "");
  }

  private address(call: Call, path: string): string {
    const said = call.options.server ?? call.operation.server ?? this.config.server;
    const server = said.includes("://") ? said : new URL(said, this.config.server).href;
    const own = server.replace(/\/+$/, "") + path;
    return call.url === undefined ? own : new URL(call.url, own).href;
  }

  private async request(call: Call, tries: number, signal: AbortSignal, span: Span | undefined): Promise<Sent> {
    const { path, headers } = target(call.operation, call.given);
    let url = this.address(call, path);
    const query: string[] = [];
    const { url: _, ...own } = call;
    if (new URL(url).origin === new URL(this.address(own, path)).origin) {
      for (const name of chosen(call.operation.security, this.config.credentials)) {
        const scheme = this.config.schemes.get(name);
        const credential = this.config.credentials.get(name);
        if (!scheme || !credential) continue;
        const tokenUrl = credential instanceof ClientCredentials ? new URL(scheme.tokenUrl, this.config.server).href : "";
        await apply({ ...scheme, tokenUrl }, credential, headers, query, this.config.fetch);
      }
    }
    if (query.length > 0) url += (url.includes("?") ? "&" : "?") + query.join("&");
    const sent: Record<string, string> = { Accept: call.operation.accept, "User-Agent": this.config.userAgent, ...headers };
    let content: Content | undefined;
    const spec = call.operation.bodies.find((body) => body.media === call.media) ?? call.operation.bodies[0];
    if (call.body !== undefined && spec !== undefined) {
      const made = encoded(spec, call.body);
      content = made.content;
      if (made.media !== undefined) sent["Content-Type"] = made.media;
    }
    if (call.key !== undefined) sent["Idempotency-Key"] = call.key;
    if (tries > 0) sent["X-Retry-Count"] = String(tries);
    const trace = traceparent(span);
    if (trace !== undefined) sent["traceparent"] = trace;
    Object.assign(sent, this.config.headers, call.options.headers);
    const request = new Request(url, {
      method: call.operation.method,
      headers: sent,
      signal,
      redirect: IN_BROWSER ? "follow" : "manual",
      ...(content === undefined ? {} : { body: content }),
    });
    return { request, content };
  }

  private async once(call: Call, tries: number, span: Span | undefined): Promise<Exchange> {
    const clock = new Clock(call.options.timeout ?? this.config.timeout, call.options.signal);
    try {
      const sent = await this.request(call, tries, clock.signal, span);
      await this.config.hooks.request?.(sent.request);
      const response = await this.sent(call, sent, clock);
      await this.config.hooks.response?.(response);
      return { response, clock };
    } catch (error) {
      clock.stop();
      throw error;
    }
  }

  private async sent(call: Call, sent: Sent, clock: Clock): Promise<Response> {
    try {
      return await this.followed(sent);
    } catch (error) {
      throw this.fault(call, clock, error);
    }
  }

  /** Send a request wherever it is sent on to; another origin gets no credentials. Browsers do that themselves. */
  private async followed({ request, content }: Sent): Promise<Response> {
    const secret = [...this.config.schemes.values()].filter((one) => one.in === "header").map((one) => one.name);
    let [current, body] = [request, content];
    for (let steps = 0; steps <= MOST_REDIRECTS; steps += 1) {
      const response = await this.config.fetch(current);
      const next = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
      if (next === null || request.redirect !== "manual") return response;
      await response.body?.cancel();
      const url = new URL(next, current.url);
      const headers = new Headers(current.headers);
      if (url.origin !== new URL(current.url).origin) ["authorization", "cookie", ...secret].forEach((one) => headers.delete(one));
      const asGet = response.status === 303 ? current.method !== "HEAD" : response.status < 303 && current.method === "POST";
      if (asGet) body = undefined;
      if (asGet || body instanceof FormData) headers.delete("content-type"); // a form gets another boundary
      const { signal, redirect } = request;
      const method = asGet ? "GET" : current.method;
      current = new Request(url, { method, headers, signal, redirect, ...(body === undefined ? {} : { body }) });
    }
    throw new Error(`more than ${MOST_REDIRECTS} redirects`);
  }

  /** Send a call until it is answered, in one span. */
  private async exchange(call: Call): Promise<Exchange> {
    const span = started(this.config.tracer, call.operation.method, call.operation.path);
    try {
      const exchange = await this.attempts(call, span);
      ended(span, exchange.response.status);
      return exchange;
    } catch (error) {
      ended(span, undefined, error);
      throw error;
    }
  }

  private async attempts(call: Call, span: Span | undefined): Promise<Exchange> {
    const began = Date.now();
    const retry: Retry = { ...this.config.retry, ...call.options.retry };
    let renewed = false;
    for (let tries = 0; ; tries += 1) {
      let exchange: Exchange | undefined;
      let failure: unknown;
      try {
        exchange = await this.once(call, tries, span);
      } catch (error) {
        if (!(error instanceof APIConnectionError)) throw error;
        failure = error;
      }
      const response = exchange?.response;
      if (exchange?.response.status === 401 && !renewed && this.forget(call)) {
        renewed = true;
        tries -= 1;
        await discard(exchange);
        continue;
      }
      const again = response === undefined || AGAIN.has(response.status) || response.status >= 500;
      const grown = Math.min(retry.firstPause * 2 ** tries, retry.longestPause) * (0.75 + Math.random() / 4);
      const pause = (response && retryAfter(response.headers)) ?? grown;
      if (!again || tries >= retry.retries || Date.now() - began + pause > retry.budget) {
        if (exchange === undefined) throw failure;
        return exchange;
      }
      if (exchange !== undefined) await discard(exchange);
      await rest(pause, call.options.signal);
    }
  }

  private forget(call: Call): boolean {
    const used = chosen(call.operation.security, this.config.credentials).map((name) => this.config.credentials.get(name));
    const tokens = used.filter((one) => one instanceof ClientCredentials);
    tokens.forEach((one) => one.forget());
    return tokens.length > 0;
  }

  private async failure(call: Call, response: Response): Promise<never> {
    const content = await response.text();
    let body: unknown = content;
    try {
      body = JSON.parse(content);
    } catch {
      // what is no JSON stays text
    }
    const shown = `${nameOf(call)}: ${response.status} ${content.slice(0, 300)}`;
    throw ofStatus(shown.trimEnd(), response.status, body, response.headers);
  }

  private async data(call: Call, answer: Answer | undefined, response: Response): Promise<unknown> {
    if (answer === undefined || answer.kind === "none") {
      await response.body?.cancel();
      return undefined;
    }
    if (answer.kind === "text") return response.text();
    if (answer.kind !== "json") return response.blob();
    const content = await response.text();
    if (content === "" && [202, 204, 205, 304].includes(response.status)) return undefined;
    try {
      return JSON.parse(content);
    } catch (error) {
      throw new InvalidResponseError(`${nameOf(call)}: the answer is no JSON: ${content.slice(0, 300)}`, { cause: error });
    }
  }
}

export { APIError };
