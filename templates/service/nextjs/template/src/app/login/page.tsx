import type { Metadata } from "next";

import { LoginForm } from "../../components/LoginForm.tsx";
import { DESCRIPTION, TITLE } from "../../generated/identity.ts";

export const metadata: Metadata = { title: "Log in" };

export default function Login() {
  return (
    <main className="grid min-h-screen place-items-center bg-linear-to-br from-slate-50 to-indigo-100 p-6 dark:from-slate-950 dark:to-indigo-950">
      <div className="card w-full max-w-md space-y-6 p-8">
        <header>
          <h1 className="text-2xl font-semibold">{TITLE}</h1>
          <p className="mt-1 text-sm text-slate-500 dark:text-slate-400">{DESCRIPTION}</p>
        </header>
        <LoginForm />
      </div>
    </main>
  );
}
