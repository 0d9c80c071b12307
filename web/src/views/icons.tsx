// Icons and the mark, drawn as lines in the colour of the text.
import type { JSX } from "preact";

const paths = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5 20 20",
  star: "M12 4l2.4 5.2 5.6.7-4.1 3.9 1 5.7-4.9-2.8-4.9 2.8 1-5.7L4 9.900l5.600-.7z",
  hash: "M9 4 7 20M17 4l-2 16M4.500 9H20M4 15h15.500",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  archive: "M4 5h16v4H4zM5.500 9v10h13V9M10 13h4",
  people: "M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M2.500 20c0-4 2.900-6 6.500-6s6.500 2 6.500 6M16 4.300a3.500 3.500 0 0 1 0 6.400M18 14.500c2.200.9 3.500 2.800 3.500 5.500",
  person: "M12 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7M5 20c0-4 3.200-6 7-6s7 2 7 6",
  calendar: "M5 6h14v14H5zM5 10.500h14M9 3.500V7M15 3.500V7",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 11v5.500M12 7.500v.2",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1.300 1.300M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1.300-1.300",
  clip: "M19.500 11.500l-7.800 7.800a4.600 4.600 0 0 1-6.500-6.500l8.300-8.300a3 3 0 0 1 4.300 4.300l-8.200 8.200a1.500 1.500 0 0 1-2.100-2.100l7.200-7.200",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  down: "M12 5v14M6 13l6 6 6-6",
  chevron: "M9 6l6 6-6 6",
  back: "M15 6l-6 6 6 6",
  close: "M6 6l12 12M18 6 6 18",
  file: "M7 3h7l5 5v13H7zM14 3v5h5",
  image: "M4 5h16v14H4zM4 16l5-5 5 5 2.500-2.500L20 17M15.500 9.500v.1",
  sound: "M5 10v4h3l4 4V6L8 10zM15.500 9a4 4 0 0 1 0 6M18 6.500a8 8 0 0 1 0 11",
  video: "M4 6h11v12H4zM15 10.500l5-3v9l-5-3",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  warning: "M12 4 2.500 20h19zM12 10v4.500M12 17v.2",
  send: "M4 12 20 4l-5 16-3.500-6.500zM11.500 13.500 20 4",
  menu: "M4 7h16M4 12h16M4 17h16",
  panel: "M4 5h16v14H4zM9.500 5v14",
  gauge: "M4 18a9 9 0 1 1 16 0M12 14l4-5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M13 4.500v5M7 14.500v5",
  help: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.4-1 .9-1 1.900M12 16.500v.2",
  out: "M10 5H5v14h5M14 8l4 4-4 4M18 12H9",
  check: "M5 13l4.500 4.500L19 7",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7.500V12l3 2",
  more: "M5 11.300a.7.7 0 1 0 0 1.400.7.7 0 0 0 0-1.400M12 11.300a.7.7 0 1 0 0 1.400.7.7 0 0 0 0-1.400M19 11.300a.7.7 0 1 0 0 1.400.7.7 0 0 0 0-1.400",
  topic: "M4 6h16M4 11h11M4 16h14",
  react: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M8.500 14c.8 1.400 2 2.100 3.500 2.100s2.700-.7 3.500-2.100M9 9.500v.4M15 9.500v.4",
  thread: "M4 5h16v11H10l-4.500 4v-4H4zM8 9h8M8 12.300h5",
  edit: "M5 19l1-4.500L16 4.500l3.500 3.500L9.500 18zM14 6.500l3.500 3.500",
  pin: "M9 4h6l-1 6 3.500 3.500h-11L10 10zM12 13.500V20",
  bookmark: "M7 4h10v16l-5-4-5 4z",
  unread: "M4 6h11M4 11h16M4 16h16M19 6.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3",
  history: "M5 5v4h4M5.500 9A7.500 7.500 0 1 1 4.500 13M12 8.500V12l3 2",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.500 1.500h-15zM10 20.500h4",
  trash: "M5 7h14M9.500 7V4.500h5V7M7 7l1 13h8l1-13M10.500 10.500v6M13.500 10.500v6",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

// Mark is a godwit in flight, one continuous line. The same drawing is in
// public/mark.svg and public/favicon.svg.
export function Mark({ size = 28 }: { size?: number }): JSX.Element {
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 64 64" aria-hidden="true" focusable="false">
      <path d="M62 20C56 25 51 27 46 27.500C45 23 39.500 22 36.500 26C33 19 25 10 12 5C15 15 19 23 25.500 30C18 33 9 38 2 45C12 45.500 20 44.500 26 42.500C27 48 25 54 21 60C31 56 37 49 39 40C44 37 46.500 33 46 27.500" />
    </svg>
  );
}
