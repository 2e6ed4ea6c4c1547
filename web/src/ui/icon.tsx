/** Line icons on a grid of 24, each a path. */
const paths = {
  close: "M6 6l12 12M18 6L6 18",
  search: "M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14M16 16l4 4",
  basket: "M4 9h16l-1.5 10h-13zM8 9l3-5M16 9l-3-5",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15zM10 21h4",
  person: "M12 4a4 4 0 1 0 0 8a4 4 0 0 0 0-8M4.5 20c1-4 4-6 7.5-6s6.500 2 7.5 6",
  sun: "M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
  moon: "M20 14A8.500 8.500 0 1 1 10 4a7 7 0 0 0 10 10z",
  screen: "M3 5h18v11H3zM9 20h6M12 16v4",
  globe: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  check: "M5 12.500l4.500 4.500L19 7",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  arrow: "M5 12h14M13 6l6 6l-6 6",
  box: "M4 8l8-4l8 4v8l-8 4l-8-4zM4 8l8 4l8-4M12 12v8",
  truck: "M3 7h11v9H3zM14 10h4l3 3v3h-7zM7 16a2 2 0 1 0 0.100 0M17 16a2 2 0 1 0 0.100 0",
  card: "M3 6h18v12H3zM3 10h18M7 15h4",
  undo: "M9 7L4 12l5 5M4 12h10a5 5 0 0 1 0 10h-2",
  clock: "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 7v5l3 2",
  pulse: "M2 12h5l3-8l4 16l3-8h5",
  nodes: "M12 3v5M5 21v-5M19 21v-5M5 16h14M12 8v8M9 3h6v5H9z",
  users:
    "M9 5a3.500 3.500 0 1 0 0 7a3.500 3.500 0 0 0 0-7M3 20c.5-4 3-6 6-6s5.500 2 6 6M16 5a3.500 3.500 0 0 1 0 7M18 14c2 1 3 3 3 6",
  mail: "M3 6h18v12H3zM3 7l9 7l9-7",
  heart: "M12 20C5 15 3 11.500 4 8.500s5-4 8-.5c3-3.500 7-2.500 8 .5s-1 6.500-8 11.500z",
  warning: "M12 4l9 16H3zM12 10v5M12 17.500v.1",
  gear: "M12 9a3 3 0 1 0 0 6a3 3 0 0 0 0-6M12 2v4M12 18v4M2 12h4M18 12h4M5 5l3 3M16 16l3 3M5 19l3-3M16 8l3-3",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.1M4 12h.1M4 18h.1",
  menu: "M4 6h16M4 12h16M4 18h16",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
