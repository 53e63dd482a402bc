export { newBrowserTracker } from "./browser.ts";
export { browserContext } from "./context.ts";
export { capture, type Capture } from "./capture/index.ts";
export type { Consent } from "./consent.ts";
export type { BrowserContext, Item, Line, Message, Placement, Properties } from "./message.ts";
export type { Listener, Notice } from "./notice.ts";
export { newTracker, type Tracker, type TrackerOptions } from "./tracker.ts";
