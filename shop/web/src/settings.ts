import type { Tracker } from "/tracker/clickloop.js";
import { shop } from "./api.ts";
import { accountDialog, privacyDialog } from "./dialogs.ts";
import { byId } from "./dom.ts";
import type { Recommendations } from "./recommendations.ts";

/** The controls by which visitors say who they are and what they allow. */
export function newSettings(tracker: Tracker, recommendations: Recommendations, say: (text: string) => void): void {
  const draw = () => {
    byId("account-name").textContent = tracker.userId() ?? "Log in";
  };
  const become = (change: () => void, text: string) => {
    change();
    draw();
    say(text);
    recommendations.restart();
  };
  const account = async () => {
    const customers = await shop.customers().catch(() => []);
    accountDialog({
      userId: tracker.userId(),
      customers,
      onLogIn: (userId) => become(() => tracker.identify(userId), `Logged in as ${userId}.`),
      onLogOut: () => become(() => tracker.reset(), "Logged out."),
    });
  };
  const privacy = () =>
    privacyDialog(tracker.consent(), (change) => {
      tracker.setConsent(change);
      say("Your decision is kept.");
      if ("personalization" in change) recommendations.restart();
    });
  byId("account").addEventListener("click", () => void account());
  byId("privacy").addEventListener("click", privacy);
  draw();
}
