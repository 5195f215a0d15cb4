"use client";

import { useRouter } from "next/navigation";

/** Forgets who is logged in. */
export function LogOut() {
  const router = useRouter();
  const logOut = async () => {
    await fetch("/api/session", { method: "DELETE" });
    router.replace("/login");
  };
  return (
    <button type="button" className="cursor-pointer hover:underline" onClick={() => void logOut()}>
      Log out
    </button>
  );
}
