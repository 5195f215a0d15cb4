import { APIError, APIStatusError, Client, ClientCredentials, models, type Settings } from "./index.ts";

declare const process: { argv: string[]; stdout: { write(text: string): void } };

const [, , url] = process.argv;
const retry = { retries: 2, firstPause: 1, longestPause: 2 };
const client = (part: string, settings: Settings = {}): Client => new Client({ server: `${url}/${part}`, retry, ...settings });

async function tell(part: string, play: () => Promise<unknown>): Promise<void> {
  let result: object;
  try {
    result = { value: (await play()) ?? null };
  } catch (error) {
    const known = error instanceof APIError ? { error: error.name } : { error: String(error) };
    result = error instanceof APIStatusError ? { ...known, status: error.status, body: error.body } : known;
  }
  process.stdout.write(`${JSON.stringify({ part, ...result })}\n`);
}

async function ids(items: AsyncIterable<models.Event>): Promise<number[]> {
  const found: number[] = [];
  for await (const item of items) found.push(item.id);
  return found;
}

await tell("retry", async () => (await client("retry").streams.chat({ body: { text: "hi" } })).id);
await tell("waits", async () => (await client("waits").lists.listItems()).items.length);
await tell("date", async () => (await client("date").lists.listItems()).items.length);
await tell("budget", () => client("budget").lists.listItems().then());
for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 418]) {
  await tell(`status${status}`, () => client(`status${status}`, { retry: { retries: 0 } }).lists.listItems().then());
}
await tell("slow", () => client("slow", { timeout: 60, retry: { retries: 0 } }).lists.listItems().then());
await tell("stuck", () => client("stuck", { timeout: 60, retry: { retries: 0 } }).lists.listItems().then());
await tell("cut", () => client("cut").lists.listItems().then());
await tell("abort", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 60);
  return client("abort").lists.listItems({}, { signal: controller.signal });
});
await tell("pages", () => ids(client("pages").lists.iterListItems()));
await tell("wholes", async () => {
  const found: number[] = [];
  for await (const page of client("wholes").lists.iterListItems().pages()) found.push(page.items.length);
  return found;
});
await tell("circle", () => ids(client("circle").lists.iterListItems()));
await tell("linked", () => ids(client("linked").lists.iterLog()));
await tell("unheard", () => ids(client("unheard").lists.iterNumbered({ xVersion: "2" })));
await tell("numbered", () => ids(client("numbered").lists.iterNumbered({ xVersion: "2" })));
await tell("events", async () => ids(await client("events").streams.events()));
await tell("lines", async () => ids(await client("lines").streams.lines()));
await tell("notes", async () => {
  const found: unknown[] = [];
  for await (const item of await client("notes").streams.lines()) found.push(item.note);
  return found;
});
await tell("whole", async () => {
  const found: models.FeedResponse[] = [];
  for await (const item of await client("whole").streams.feed()) found.push(item);
  return found;
});
await tell("drops", async () => ids(await client("drops").streams.events()));
await tell("garbled", async () => ids(await client("garbled").streams.lines()));
await tell("long", async () => ids(await client("long", { timeout: 60 }).streams.events()));
await tell("leave", async () => {
  for await (const event of await client("leave").streams.events()) return event.id;
  return undefined;
});
await tell("choose", async () => ids(await client("choose").streams.chatStream({ body: { text: "hi" } })));
await tell("upload", async () => {
  const file = new File(["hello"], "a.txt", { type: "text/plain" });
  const answer = await client("upload").files.upload({ body: { file, more: [new Blob(["b"])], labels: ["x", "y"], meta: { size: 5 } } });
  return answer.text();
});
const oauth = new ClientCredentials({ clientId: "id", clientSecret: "s:c", scopes: ["read"], tokenUrl: `${url}/token` });
const signed = client("oauth", { oauth });
await tell("oauth", async () => [await signed.lists.listItems(), await signed.lists.listItems()].length);
const short = new ClientCredentials({ clientId: "id", clientSecret: "s", tokenUrl: `${url}/shorttoken` });
const brief = client("brief", { oauth: short });
await tell("brief", async () => [await brief.lists.listItems(), await brief.lists.listItems()].length);
const home = client("home", { oauth: new ClientCredentials({ clientId: "id", clientSecret: "s" }) });
await tell("home", async () => [await home.lists.listItems(), await home.lists.listItems()].length);
const empty = new ClientCredentials({ clientId: "id", clientSecret: "s", tokenUrl: `${url}/emptytoken` });
await tell("notoken", () => client("notoken", { oauth: empty }).lists.listItems().then());
const hi = { body: { text: "hi" } };
await tell("moved", async () => (await client("moved", { key: "s3cret" }).streams.chat(hi)).id);
await tell("away", async () => (await client("away", { key: "s3cret" }).streams.chat(hi)).id);
await tell("again", () => client("again", { key: "s3cret" }).lists.listItems().then());
await tell("animal", async () => {
  const found = await client("animal").animals.putAnimal({ body: { kind: "cat", lives: 9 } });
  if (found.kind !== "dog" || found.friend?.kind !== "cat") throw new Error("another animal");
  const { kind, tricks, friend, ...more } = found;
  return [tricks, friend.lives, more];
});
await tell("values", async () => {
  const found = await client("values").streams.chat(hi);
  return [found.at, found.day, found.ref, found.note, found.extra, "note" in found];
});
const own: typeof fetch = (input) => {
  const request = new Request(input);
  request.headers.set("x-own", "1");
  return fetch(request);
};
await tell("own", () => client("own", { fetch: own }).lists.listItems().then());
await tell("hooks", async () => {
  const seen: string[] = [];
  const hooks = {
    request: (request: Request) => {
      seen.push(request.method);
      request.headers.set("x-hook", "1");
    },
    response: (response: Response) => void seen.push(String(response.status)),
  };
  await client("hooks", { hooks }).lists.listItems();
  return seen;
});
await tell("raw", async () => {
  const { data, response } = await client("raw").lists.listItems().withResponse();
  return [data.items.length, response.status, response.headers.get("x-request-id")];
});
await tell("key", () => client("key", { key: "s3cret" }).lists.listItems().then());
await tell("trace", async () => {
  const said: Record<string, unknown> = {};
  const span = {
    spanContext: () => ({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 }),
    setAttribute: (name: string, value: unknown) => (said[name] = value),
    setStatus: (status: object) => (said["status"] = status),
    end: () => (said["ended"] = true),
  };
  const tracer = { startSpan: (name: string) => ((said["name"] = name), span) };
  await client("trace", { tracer, retry: { retries: 0 } }).lists.listItems().catch(() => undefined);
  return [said["name"], said["http.response.status_code"], said["ended"], `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`];
});
