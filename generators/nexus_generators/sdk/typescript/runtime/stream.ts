/** Items of an answer as they come: server-sent events, or a JSON value a line. */
export class Stream<T> implements AsyncIterable<T> {
  readonly response: Response;
  private readonly events: boolean;

  constructor(response: Response, events: boolean) {
    this.response = response;
    this.events = events;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    let data: string[] = [];
    for await (const line of this.lines()) {
      if (!this.events) {
        const value = line.replace(/^\x1e/, "").trim();
        if (value !== "") yield JSON.parse(value) as T;
      } else if (line === "") {
        const value = data.join("\n");
        data = [];
        if (value !== "" && value !== "[DONE]") yield parsed<T>(value);
      } else if (line.startsWith("data:")) {
        data.push(line.slice(5).replace(/^ /, ""));
      }
    }
    const rest = data.join("\n");
    if (rest !== "" && rest !== "[DONE]") yield parsed<T>(rest);
  }

  /** End it early. */
  async close(): Promise<void> {
    await this.response.body?.cancel();
  }

  private async *lines(): AsyncGenerator<string> {
    const body = this.response.body;
    if (body === null) return;
    const decoder = new TextDecoder();
    const reader = body.getReader();
    let rest = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
        const lines = rest.split(/\r\n|\n|\r(?!$)/);
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
