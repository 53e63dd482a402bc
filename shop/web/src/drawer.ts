import { byId } from "./dom.ts";

/** The panel as a drawer, where the window has no room for it beside the shop. */
export function newDrawer() {
  const panel = byId("panel");
  const opener = byId("panel-open");
  const label = opener.querySelector("span");
  const narrow = matchMedia("(max-width: 1099px)");

  const set = (open: boolean) => {
    panel.classList.toggle("open", open);
    opener.setAttribute("aria-expanded", String(open));
    // A drawer that is shut must not be reached by the tab key.
    panel.inert = narrow.matches && !open;
  };
  const close = () => {
    set(false);
    opener.focus();
  };
  opener.addEventListener("click", () => {
    const open = !panel.classList.contains("open");
    set(open);
    // Hidden things take no focus: the browser must have seen the drawer open.
    if (open) requestAnimationFrame(() => panel.querySelector<HTMLElement>("button")?.focus());
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && narrow.matches && panel.classList.contains("open")) close();
  });
  narrow.addEventListener("change", () => set(false));
  set(false);

  return {
    close,
    badge: (text: string) => {
      if (label) label.textContent = text;
    },
  };
}
