const MONEY = new Intl.NumberFormat("en-GB", { style: "currency", currency: "GBP" });
const COUNT = new Intl.NumberFormat("en-GB");

export const money = (pounds: number): string => MONEY.format(pounds);
export const count = (number: number): string => COUNT.format(number);
export const plural = (number: number, one: string, many = `${one}s`): string =>
  `${COUNT.format(number)} ${number === 1 ? one : many}`;

/** Milliseconds to read at a glance: a decimal below ten. */
export const ms = (milliseconds: number): string =>
  milliseconds < 10 ? milliseconds.toFixed(1) : COUNT.format(Math.round(milliseconds));
