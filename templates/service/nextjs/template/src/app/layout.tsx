import "./globals.css";

import type { Metadata } from "next";
import { connection } from "next/server";
import type { ReactNode } from "react";

import { Providers } from "../components/Providers.tsx";
import { DESCRIPTION, TITLE } from "../generated/identity.ts";

export const metadata: Metadata = {
  title: { default: TITLE, template: `%s · ${TITLE}` },
  description: DESCRIPTION,
};

export default async function Layout({ children }: { readonly children: ReactNode }) {
  await connection(); // each answer has a nonce of its own for its scripts
  return (
    <html lang="en">
      <body className="min-h-screen font-sans">
        <Providers>{children}</Providers>
      </body>
    </html>
  );
}
