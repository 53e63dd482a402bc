import type { Consent } from "/tracker/clickloop.js";
import { h } from "./dom.ts";
import { plural } from "./format.ts";
import type { Customer } from "./types.ts";

function dialog(title: string, ...children: Node[]): HTMLDialogElement {
  const id = `dialog-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  const element: HTMLDialogElement = h(
    "dialog",
    { "aria-labelledby": id },
    h(
      "div",
      { class: "dialog-head" },
      h("h2", { id }, title),
      h("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => element.close() }, "×"),
    ),
    ...children,
  );
  element.addEventListener("close", () => element.remove());
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/** Log in as a customer of the real history, as anybody else, or out. */
export function accountDialog(options: {
  userId: string | null;
  customers: Customer[];
  onLogIn: (userId: string) => void;
  onLogOut: () => void;
}): void {
  const { userId, customers, onLogIn, onLogOut } = options;
  const input = h("input", { id: "user-id", name: "user", required: true, maxlength: 64, autocomplete: "off" });
  const as = (id: string) => {
    element.close();
    onLogIn(id);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const id = input.value.trim();
    if (id) as(id);
  };
  const known = customers.map((customer) =>
    h(
      "li",
      {},
      h(
        "button",
        { type: "button", onclick: () => as(customer.customer_id) },
        h("b", {}, customer.customer_id),
        h("span", {}, `${plural(customer.purchases, "purchase")}, ${Math.round(customer.share * 100)}% ${customer.favourite}`),
      ),
    ),
  );
  const element: HTMLDialogElement =
    userId === null
      ? dialog(
          "Log in",
          h("p", {}, "No password: this is a demonstration. What you did before joins the account, once."),
          h(
            "form",
            { class: "inline", onsubmit: submit },
            h("label", { for: "user-id" }, "Customer"),
            input,
            h("button", { type: "submit", class: "primary" }, "Log in"),
          ),
          ...(known.length > 0 ? [h("p", {}, "Or as one of the shop's real customers:"), h("ul", { class: "choices" }, ...known)] : []),
        )
      : dialog(
          "Your account",
          h("p", {}, "You are logged in as ", h("b", {}, userId), "."),
          h(
            "button",
            {
              type: "button",
              class: "primary",
              onclick: () => {
                element.close();
                onLogOut();
              },
            },
            "Log out",
          ),
        );
}

const PURPOSES: { purpose: keyof Consent; name: string; text: string }[] = [
  { purpose: "measurement", name: "Measurement", text: "Send what I do to the shop. Off: nothing is sent." },
  { purpose: "personalization", name: "Personalization", text: "Let it change what I am shown. Off: everybody's favourites." },
  { purpose: "training", name: "Training", text: "Let a model learn from it." },
];

/** What the visitor allows, by purpose. */
export function privacyDialog(consent: Consent, onChange: (change: Partial<Consent>) => void): void {
  dialog(
    "Privacy",
    h("p", {}, "You decide by purpose; each event carries your decision, and every step behind the page keeps to it."),
    ...PURPOSES.map(({ purpose, name, text }) => {
      const input = h("input", {
        type: "checkbox",
        role: "switch",
        id: `consent-${purpose}`,
        checked: consent[purpose],
        onchange: () => onChange({ [purpose]: input.checked }),
      });
      return h("label", { class: "purpose", for: `consent-${purpose}` }, input, h("b", {}, name), h("span", {}, text));
    }),
  );
}
