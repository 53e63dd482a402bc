import { browserContext, capture, newBrowserTracker } from "/tracker/clickloop.js";
import { newService, shop } from "./api.ts";
import { begin } from "./page.ts";

/** Read where everything is, then begin. */
async function start(): Promise<void> {
  const config = await shop.config();
  const tracker = newBrowserTracker(window, { collectorUrl: config.collectorUrl, writeKey: config.writeKey });
  await begin({
    tracker,
    capture: capture(tracker, window),
    service: newService(config.serviceUrl),
    context: () => {
      const { locale = "", timezone = "", device } = browserContext(window);
      return { locale, time_zone: timezone, device: device?.type ?? "" };
    },
  });
}

start().catch((error: unknown) => {
  const notice = document.getElementById("notice");
  if (notice) {
    notice.hidden = false;
    notice.textContent = "The shop itself does not answer. Loading the page again may help.";
  }
  console.warn("clickloop: the shop did not start", error);
});
