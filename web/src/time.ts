// Times and amounts in words. The API's times are microseconds since 1970.
import { words } from "./words";

const locale = words.locale;
const clockFormat = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const shortFormat = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric" });
const fullFormat = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
const numberFormat = new Intl.NumberFormat(locale);

const date = (micros: number) => new Date(micros / 1000);

export const clock = (micros: number) => clockFormat.format(date(micros));
export const shortDay = (micros: number) => shortFormat.format(date(micros));
export const fullTime = (micros: number) => fullFormat.format(date(micros));
export const dayAndClock = (micros: number) => `${shortDay(micros)}, ${clock(micros)}`;
export const machineTime = (micros: number) => date(micros).toISOString();
export const count = (n: number) => numberFormat.format(n);
export const atMost = (n: number, most = 99) => (n > most ? `${most}+` : String(n)); // of what is counted up to a bound

export function longDay(micros: number, now = Date.now()): string {
  const day = date(micros);
  const days = Math.round((midnight(new Date(now)) - midnight(day)) / 86_400_000);
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  return dayFormat.format(day);
}

function midnight(d: Date): number {
  return new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
}

const units = ["B", "KB", "MB", "GB", "TB"];

// size says an amount of bytes as people do: 1 KB is 1,000 bytes.
export function size(bytes: number): string {
  let n = bytes;
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  const digits = unit > 0 && n < 10 ? 1 : 0;
  return `${n.toLocaleString(locale, { maximumFractionDigits: digits })} ${units[unit]}`;
}

export function duration(micros: number): string {
  const seconds = Math.max(0, Math.round(micros / 1e6));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${count(days)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
