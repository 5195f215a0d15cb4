import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { createRef, type SubmitEvent } from "react";
import { describe, expect, it, vi } from "vitest";

import { Button } from "../src/index.js";

describe("Button", () => {
  it.each(["primary", "secondary", "danger"] as const)("is accessible as %s", async (variant) => {
    const { container } = render(<Button variant={variant}>Save</Button>);
    // jsdom has no layout, so contrast cannot be measured here.
    const found = await axe.run(container, { rules: { "color-contrast": { enabled: false } } });
    expect(found.violations).toEqual([]);
    expect(screen.getByRole("button", { name: "Save" })).toHaveClass("button", variant);
  });

  it("is pressed with the mouse, Enter and Space", async () => {
    const user = userEvent.setup();
    const pressed = vi.fn();
    render(<Button onClick={pressed}>Save</Button>);
    await user.click(screen.getByRole("button"));
    expect(screen.getByRole("button")).toHaveFocus();
    await user.keyboard("{Enter}");
    await user.keyboard(" ");
    expect(pressed).toHaveBeenCalledTimes(3);
  });

  it("cannot be reached when it is disabled", async () => {
    const user = userEvent.setup();
    const pressed = vi.fn();
    render(
      <Button disabled onClick={pressed}>
        Save
      </Button>,
    );
    await user.tab();
    await user.click(screen.getByRole("button"));
    expect(document.body).toHaveFocus();
    expect(pressed).not.toHaveBeenCalled();
  });

  it("keeps focus and name while it is busy, and is not pressed twice", async () => {
    const user = userEvent.setup();
    const pressed = vi.fn();
    const { rerender } = render(<Button onClick={pressed}>Save</Button>);
    await user.click(screen.getByRole("button"));
    rerender(
      <Button busy onClick={pressed}>
        Save
      </Button>,
    );
    await user.keyboard("{Enter}");
    const button = screen.getByRole("button", { name: "Save", busy: true });
    expect(button).toHaveFocus();
    expect(button).toHaveAttribute("aria-disabled", "true");
    expect(pressed).toHaveBeenCalledTimes(1);
  });

  it("submits a form only when it says so, and not while it is busy", async () => {
    const user = userEvent.setup();
    const submitted = vi.fn((event: SubmitEvent) => {
      event.preventDefault();
    });
    const form = (busy: boolean) => (
      <form onSubmit={submitted}>
        <Button>Cancel</Button>
        <Button type="submit" busy={busy}>
          Send
        </Button>
      </form>
    );
    const { rerender } = render(form(false));
    await user.click(screen.getByRole("button", { name: "Cancel" }));
    expect(submitted).not.toHaveBeenCalled();
    await user.click(screen.getByRole("button", { name: "Send" }));
    expect(submitted).toHaveBeenCalledTimes(1);
    rerender(form(true));
    await user.click(screen.getByRole("button", { name: "Send" }));
    expect(submitted).toHaveBeenCalledTimes(1);
  });

  it("hands its ref, its class and every attribute to the native button", () => {
    const ref = createRef<HTMLButtonElement>();
    render(
      <Button ref={ref} className="wide" name="action" aria-describedby="hint">
        Save
      </Button>,
    );
    expect(ref.current).toBe(screen.getByRole("button"));
    expect(ref.current).toHaveClass("button", "wide");
    expect(ref.current).toHaveAttribute("name", "action");
    expect(ref.current).toHaveAttribute("aria-describedby", "hint");
  });
});
