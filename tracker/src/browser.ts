import { browserContext } from "./context.ts";
import { newWebStore } from "./store.ts";
import { newTracker, type Tracker, type TrackerOptions } from "./tracker.ts";

/** A tracker on the browser's own storage, beacon and context; options given go before them. */
export function newBrowserTracker(window: Window, options: TrackerOptions): Tracker {
  return newTracker({
    store: newWebStore(() => window.localStorage),
    context: () => browserContext(window),
    // Plain text spares the preflight that a page going away has no time for; the body holds the key.
    beacon: (url, body) => window.navigator.sendBeacon(url, new Blob([body], { type: "text/plain" })),
    ...options,
  });
}
