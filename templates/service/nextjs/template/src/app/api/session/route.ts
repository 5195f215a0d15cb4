import { refusal } from "../../../generated/problems.ts";
import { logIn, logOut } from "../../../generated/session.ts";

export async function POST(request: Request): Promise<Response> {
  const body = (await request.json().catch(() => undefined)) as { token?: unknown } | undefined;
  if (typeof body?.token !== "string" || !(await logIn(body.token.trim()))) {
    return refusal(request, 422, "This is not a token that is still valid.");
  }
  return new Response(null, { status: 204 });
}

export async function DELETE(): Promise<Response> {
  await logOut();
  return new Response(null, { status: 204 });
}
