// Which page is shown: a function of the address.
import { signal } from "@preact/signals";

export type Route =
  | { page: "home" }
  | { page: "room"; room: string; message: string; thread: string }
  | { page: "threads" }
  | { page: "saved" }
  | { page: "emoticons" }
  | { page: "rooms" }
  | { page: "people" }
  | { page: "search"; q: string }
  | { page: "admin"; tab: string }
  | { page: "unsubscribe"; token: string }
  | { page: "preferences" }
  | { page: "link"; secret: string }
  | { page: "moved"; address: string }
  | { page: "guest"; secret: string }
  | { page: "lost" };

export function parse(path: string, search: string): Route {
  const [first = "", second = "", third = ""] = path.split("/").slice(1).map(decode);
  switch (first) {
    case "": return { page: "home" };
    case "room": return second ? { page: "room", room: second, message: third, thread: new URLSearchParams(search).get("thread") ?? "" } : { page: "lost" };
    case "threads": return { page: "threads" };
    case "saved": return { page: "saved" };
    case "emoticons": return { page: "emoticons" };
    case "rooms": return second === "show" ? { page: "moved", address: path + search } : { page: "rooms" };
    case "people": return { page: "people" };
    case "search": return { page: "search", q: new URLSearchParams(search).get("q") ?? "" };
    case "admin": return { page: "admin", tab: second || "overview" };
    case "unsubscribe": return second ? { page: "unsubscribe", token: second } : { page: "lost" };
    case "preferences": return { page: "preferences" };
    case "guest": return second ? { page: "guest", secret: second } : { page: "lost" };
    case "link": return second ? { page: "link", secret: second } : { page: "lost" };
    case "archives": case "messages": case "client": case "history": case "chat":
      return second ? { page: "moved", address: path + search } : { page: "lost" };
    default: return { page: "lost" };
  }
}

function decode(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
}

const here = () => parse(location.pathname, location.search);

export const route = signal<Route>(here());

// go shows an address, as a new step of the browser's history or in place of
// the present one.
export function go(to: string, replace = false): void {
  if (to !== location.pathname + location.search) {
    if (replace) history.replaceState(null, "", to);
    else history.pushState(null, "", to);
  }
  route.value = here();
}

export const roomPath = (room: string, message = "", thread = "") =>
  "/room/" + encodeURIComponent(room) + (message ? "/" + encodeURIComponent(message) : "") + (thread ? "?thread=" + encodeURIComponent(thread) : "");
export const searchPath = (q: string) => "/search" + (q ? "?q=" + encodeURIComponent(q) : "");

// follow makes links to our own pages change the page without loading it anew.
export function follow(e: MouseEvent): void {
  if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const link = e.target instanceof Element ? e.target.closest("a") : null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.pathname.startsWith("/api/") || link.hash) return;
  e.preventDefault();
  go(link.pathname + link.search);
}

export function listen(): void {
  addEventListener("popstate", () => (route.value = here()));
  document.addEventListener("click", follow);
}
