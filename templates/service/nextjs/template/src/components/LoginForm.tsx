"use client";

import { useRouter } from "next/navigation";
import { type SubmitEvent, useState } from "react";

/** Asks for an access token of the platform. */
export function LoginForm() {
  const router = useRouter();
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);

  const logIn = async (token: string) => {
    setBusy(true);
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ token });
    const answer = await fetch("/api/session", { method: "POST", headers, body });
    if (answer.ok) {
      router.replace("/");
      return;
    }
    const { detail } = (await answer.json()) as { detail?: string };
    setFault(detail ?? "That did not work.");
    setBusy(false);
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget).get("token");
    void logIn(typeof given === "string" ? given : "");
  };

  return (
    <form className="space-y-4" onSubmit={submit}>
      <label className="block space-y-1">
        <span className="text-sm font-medium">Access token</span>
        <textarea
          name="token"
          required
          rows={4}
          spellCheck={false}
          aria-describedby="help"
          className="w-full rounded-lg border border-slate-300 bg-transparent p-3 font-mono text-xs dark:border-slate-700"
        />
      </label>
      <p id="help" className="text-xs text-slate-500 dark:text-slate-400">
        On your own machine, <code>nexus token ada</code> prints one.
      </p>
      {fault && (
        <p role="alert" className="text-sm text-red-600 dark:text-red-400">
          {fault}
        </p>
      )}
      <button type="submit" className="button w-full" disabled={busy}>
        {busy ? "One moment …" : "Log in"}
      </button>
    </form>
  );
}
