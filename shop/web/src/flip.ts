const MOVE_MS = 480;
const EASING = "cubic-bezier(.2, .8, .2, 1)";

/**
 * Changes a list and lets its children glide from where they were (first, last, invert, play).
 * Children new to the list grow in. Nothing moves for visitors who prefer less motion.
 */
export function glide(list: HTMLElement, change: () => void): void {
  const before = new Map<Element, DOMRect>();
  for (const child of list.children) before.set(child, child.getBoundingClientRect());
  change();
  if (matchMedia("(prefers-reduced-motion: reduce)").matches || before.size === 0) return;
  for (const child of list.children) {
    const from = before.get(child);
    if (!from) {
      child.animate([{ opacity: 0, transform: "scale(.82)" }, { opacity: 1, transform: "none" }], {
        duration: MOVE_MS,
        easing: EASING,
      });
      continue;
    }
    const to = child.getBoundingClientRect();
    const [dx, dy] = [from.left - to.left, from.top - to.top];
    if (dx !== 0 || dy !== 0) {
      child.animate([{ transform: `translate(${dx}px, ${dy}px)` }, { transform: "none" }], {
        duration: MOVE_MS,
        easing: EASING,
      });
    }
  }
}
