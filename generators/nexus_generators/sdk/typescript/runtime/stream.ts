import { APIConnectionError, InvalidResponseError } from "./errors.ts";
import type { Kind } from "./operation.ts";

type Fields = Partial<Record<"data" | "event" | "id" | "retry", string>>;

/** Items of an answer as they come: server-sent events, or a JSON value a line. */
export class Stream<T> implements AsyncIterable<T> {
  readonly response: Response;
  private readonly name: string;
  private readonly kind: Kind;
  private readonly signal: AbortSignal | undefined;

  constructor(response: Response, name: string, kind: Kind, signal?: AbortSignal) {
    this.response = response;
    this.name = name;
    this.kind = kind;
    this.signal = signal;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    let fields: Fields = {};
    for await (const line of this.lines()) {
      if (this.kind === "jsonl") {
        const value = line.replace(/^\x1e/, "").trim();
        if (value !== "") yield this.line(value);
      } else if (line === "") {
        yield* this.event(fields);
        fields = {};
      } else {
        const [, name, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
        if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
        else if (name === "event" || name === "id" || name === "retry") fields[name] = value;
      }
    }
    yield* this.event(fields);
  }

  private line(value: string): T {
    try {
      return JSON.parse(value) as T;
    } catch (error) {
      throw new InvalidResponseError(`${this.name}: a line is no JSON: ${value.slice(0, 300)}`, { cause: error });
    }
  }

  /** What an event says; where the API documents events as a whole, with its name and number. */
  private *event(fields: Fields): Generator<T> {
    const { data, retry } = fields;
    if (data === undefined || data === "" || data === "[DONE]") return;
    if (this.kind !== "event") yield parsed<T>(data);
    else yield { ...fields, ...(/^\d+$/.test(retry ?? "") ? { retry: Number(retry) } : {}) } as T;
  }

  /** End it early. */
  async close(): Promise<void> {
    await this.response.body?.cancel();
  }

  private async next(reader: ReadableStreamDefaultReader<Uint8Array>): ReturnType<typeof reader.read> {
    try {
      return await reader.read();
    } catch (error) {
      if (this.signal?.aborted) throw error;
      throw new APIConnectionError(`${this.name}: the answer ended too early: ${String(error)}`, { cause: error });
    }
  }

  private async *lines(): AsyncGenerator<string> {
    const body = this.response.body;
    if (body === null) return;
    const decoder = new TextDecoder();
    const reader = body.getReader();
    let rest = "";
    try {
      for (;;) {
        const { done, value } = await this.next(reader);
        rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
        const lines = rest.split(this.kind === "jsonl" ? /\r?\n/ : /\r\n|\n|\r(?!$)/);
        rest = lines.pop() ?? "";
        yield* lines;
        if (done) break;
      }
      if (rest !== "") yield rest;
    } finally {
      await reader.cancel().catch(() => undefined); // whoever stops listening also hangs up
      reader.releaseLock();
    }
  }
}

function parsed<T>(value: string): T {
  try {
    return JSON.parse(value) as T;
  } catch {
    return value as T; // an event need not be JSON
  }
}
