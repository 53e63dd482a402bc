import { h } from "../dom.ts";

/** What a view needs of the page around it. */
export interface Frame {
  root: HTMLElement;
  /** The view is drawn: names the page, moves focus to its heading. */
  drawn(title: string): void;
}

/** A heading that takes the focus when the page becomes another. */
export function heading(text: string): HTMLHeadingElement {
  return h("h1", { tabindex: "-1" }, text);
}

/** A view that could not be drawn, and what to do about it. */
export function failure(text: string, onRetry?: () => void): HTMLElement {
  return h(
    "div",
    { class: "failure", role: "alert" },
    h("p", {}, text),
    onRetry ? h("button", { type: "button", onclick: onRetry }, "Try again") : h("a", { href: "/" }, "To the shop"),
  );
}
