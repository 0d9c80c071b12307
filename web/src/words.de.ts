import type { Words } from "./words";

export const words: { [K in keyof Words]?: Words[K] } = {};
