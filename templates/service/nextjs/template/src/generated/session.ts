/** Who is logged in: an access token of the platform, in a cookie that no script can read. */
import { cookies, headers } from "next/headers";

const COOKIE = "session";
const JSON_TYPE = /^application\/json\b/;

/** What is shown of a person. */
export interface Person {
  readonly name: string;
}

/** The token of the person who is logged in. */
export async function token(): Promise<string | undefined> {
  return (await cookies()).get(COOKIE)?.value;
}

/**
 * Keep a token until it expires; false when it is none, or none any more, or did not come as JSON: a form on any page
 * of the web may send text, and would log a person in as somebody else.
 */
export async function logIn(token: string): Promise<boolean> {
  const sent = await headers();
  if (!JSON_TYPE.test(sent.get("content-type") ?? "")) return false;
  const claims = read(token);
  const expires = new Date(Number(claims?.["exp"]) * 1000);
  if (!(expires.getTime() > Date.now())) return false;
  const secure = sent.get("x-forwarded-proto") === "https";
  const options = { httpOnly: true, sameSite: "strict", path: "/", secure, expires } as const;
  (await cookies()).set(COOKIE, token, options);
  return true;
}

/** Forget the token. */
export async function logOut(): Promise<void> {
  (await cookies()).delete(COOKIE);
}

/** The person who is logged in. */
export async function person(): Promise<Person | undefined> {
  const held = await token();
  const claims = held === undefined ? undefined : read(held);
  if (!claims) return undefined;
  const name = claims["name"] ?? claims["sub"];
  return { name: typeof name === "string" ? name : "somebody" };
}

/** The claims of a token, for what is shown; whether they are true is the gateway's to check. */
function read(token: string): Record<string, unknown> | undefined {
  const [, payload, ...rest] = token.split(".");
  if (payload === undefined || rest.length !== 1) return undefined;
  try {
    const text = Buffer.from(payload, "base64url").toString("utf8");
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
