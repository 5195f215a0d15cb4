// It handles events: an application that renders on its server must send it to the browser, too.
"use client";

import type { ComponentProps, MouseEvent, ReactElement } from "react";

import styles from "./Button.module.css";

export interface ButtonProps extends Omit<ComponentProps<"button">, "aria-disabled" | "aria-busy"> {
  /** How much it stands out; one primary button a view is a good rule. */
  readonly variant?: "primary" | "secondary" | "danger";
  /** What it started is still under way: it keeps the focus and its name, and ignores further clicks. */
  readonly busy?: boolean;
}

/**
 * A native button, with everything that one brings: keyboard, focus, forms, and a `ref`.
 *
 * It does not submit a form unless it says `type="submit"`. A busy button is not `disabled`, because that
 * would take the focus away from a person who has just pressed it.
 */
export function Button({
  variant = "primary",
  busy = false,
  type = "button",
  className,
  onClick,
  children,
  ...rest
}: ButtonProps): ReactElement {
  function handleClick(event: MouseEvent<HTMLButtonElement>): void {
    if (busy) {
      event.preventDefault();
      return;
    }
    onClick?.(event);
  }

  return (
    <button
      {...rest}
      type={type}
      className={[styles["button"], styles[variant], className].filter(Boolean).join(" ")}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={handleClick}
    >
      {busy && <span className={styles["spinner"]} aria-hidden="true" />}
      {children}
    </button>
  );
}
