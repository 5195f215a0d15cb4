import { APIConnectionError, InvalidResponseError, ofStatus } from "./errors.ts";

const TOKEN_TIMEOUT = 30_000;

/** A secret, or what gives the present one. */
export type Secret = string | (() => string | Promise<string>);

/** A user name and a password. */
export interface Basic {
  readonly username: string;
  readonly password: string;
}

/** What an authorization server knows a client by; `tokenUrl` where the document does not say it. */
export interface ClientCredentialsSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes?: readonly string[];
  readonly tokenUrl?: string;
}

/** OAuth 2 client credentials; the token is fetched when it is needed and renewed before it ends. */
export class ClientCredentials {
  private token: string | undefined;
  private until = 0;
  private pending: Promise<string> | undefined;

  private readonly settings: ClientCredentialsSettings;

  constructor(settings: ClientCredentialsSettings) {
    this.settings = settings;
  }

  /** The token is refused: the next request gets another one. */
  forget(): void {
    this.token = undefined;
  }

  /** A token that is good for a while. */
  async get(defaultUrl: string, send: typeof fetch): Promise<string> {
    if (this.token !== undefined && Date.now() < this.until - 30_000) return this.token;
    this.pending ??= this.fetch(defaultUrl, send).finally(() => {
      this.pending = undefined;
    });
    return this.pending;
  }

  private async fetch(defaultUrl: string, send: typeof fetch): Promise<string> {
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    if (this.settings.scopes?.length) form.set("scope", this.settings.scopes.join(" "));
    const answer = await send(this.settings.tokenUrl ?? defaultUrl, {
      method: "POST",
      headers: { Authorization: basic(this.settings.clientId, this.settings.clientSecret) },
      body: form,
      signal: AbortSignal.timeout(TOKEN_TIMEOUT),
    }).catch((error: unknown) => {
      throw new APIConnectionError(`no access token: ${String(error)}`, { cause: error });
    });
    if (!answer.ok) {
      const content = await answer.text();
      const said = `no access token: ${answer.status} ${content.slice(0, 300)}`;
      throw ofStatus(said, answer.status, content, answer.headers);
    }
    const found = (await answer.json().catch(() => undefined)) as { access_token?: unknown; expires_in?: number } | undefined;
    if (typeof found?.access_token !== "string") throw new InvalidResponseError("no access token: the answer has none");
    this.token = found.access_token;
    this.until = Date.now() + (found.expires_in ?? 3600) * 1000;
    return this.token;
  }
}

export type Credential = Secret | Basic | ClientCredentials;

/** How a credential travels. */
export interface Scheme {
  readonly kind: "api-key" | "basic" | "bearer" | "oauth2" | "other";
  readonly in: string;
  readonly name: string;
  readonly tokenUrl: string;
}

function basic(username: string, password: string): string {
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** The schemes of the first alternative for which everything is known. */
export function chosen(
  alternatives: readonly (readonly string[])[],
  credentials: ReadonlyMap<string, Credential | undefined>,
): readonly string[] {
  return alternatives.find((names) => names.length > 0 && names.every((name) => credentials.get(name) !== undefined)) ?? [];
}

/** Put a credential into a request. */
export async function apply(
  scheme: Scheme,
  credential: Credential,
  headers: Record<string, string>,
  query: string[],
  send: typeof fetch,
): Promise<void> {
  if (credential instanceof ClientCredentials) {
    headers["Authorization"] = `Bearer ${await credential.get(scheme.tokenUrl, send)}`;
    return;
  }
  if (typeof credential === "object") {
    headers["Authorization"] = basic(credential.username, credential.password);
    return;
  }
  const secret = typeof credential === "function" ? await credential() : credential;
  if (scheme.kind !== "api-key") headers["Authorization"] = `Bearer ${secret}`;
  else if (scheme.in === "query") query.push(`${encodeURIComponent(scheme.name)}=${encodeURIComponent(secret)}`);
  else if (scheme.in === "cookie") {
    const pair = `${scheme.name}=${encodeURIComponent(secret)}`;
    headers["Cookie"] = headers["Cookie"] ? `${headers["Cookie"]}; ${pair}` : pair;
  } else headers[scheme.name] = secret;
}
