import type { BrowserContext } from "./message.ts";

interface NetworkInformation {
  effectiveType?: string;
}

/** What the browser says of itself, read anew for each message: pages and windows change. */
export function browserContext(window: Window): BrowserContext {
  const { navigator, document, location } = window;
  const network = (navigator as Navigator & { connection?: NetworkInformation }).connection?.effectiveType;
  return {
    page: { url: location.href, referrer: document.referrer },
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    device: { type: deviceType(window) },
    screen: { width: window.innerWidth, height: window.innerHeight },
    ...(network === undefined ? {} : { network: { effectiveType: network } }),
  };
}

function deviceType(window: Window): string {
  if (!window.matchMedia("(pointer: coarse)").matches) return "desktop";
  return Math.min(window.screen.width, window.screen.height) >= 600 ? "tablet" : "phone";
}
