import { useState } from "preact/hooks";
import { t } from "./words.ts";

export interface Line {
  name: string;
  tone: "ok" | "refused" | "failed" | "soft";
  /** One value a second, the newest last; null where there is none. */
  values: readonly (number | null)[];
}

interface PlotProps {
  title: string;
  lines: readonly Line[];
  format: (value: number) => string;
}

const width = 600;
const height = 150;

/** A round number that all values fit under. */
function ceiling(most: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((n) => n * power).find((n) => n >= most) ?? 10 * power;
}

/** Lines over the last seconds. Its newest values are also text, for those who do not see it. */
export function Plot({ title, lines, format }: PlotProps) {
  const [pointed, setPointed] = useState<number | null>(null);
  const length = Math.max(2, ...lines.map(({ values }) => values.length));
  const top = ceiling(Math.max(...lines.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const x = (i: number): number => (i / (length - 1)) * width;
  const y = (value: number): number => height - (value / top) * (height - 4);
  const at = pointed ?? length - 1;
  const point = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    setPointed(Math.max(0, Math.min(length - 1, Math.round(((event.clientX - box.left) / box.width) * (length - 1)))));
  };
  return (
    <figure class="card plot">
      <figcaption>
        <h2>{title}</h2>
        <p class="faint small">
          {pointed === null ? t("overview.now") : `${length - 1 - at} ${t("overview.seconds")}`}
        </p>
      </figcaption>
      <div class="drawing">
        <svg
          viewBox={`0 0 ${width} ${height}`}
          preserveAspectRatio="none"
          aria-hidden="true"
          onPointerMove={point}
          onPointerLeave={() => setPointed(null)}
        >
          {[0.25, 0.5, 0.75, 1].map((share) => (
            <line key={share} class="rule" x1="0" x2={width} y1={y(top * share)} y2={y(top * share)} />
          ))}
          {lines.map(({ name, tone, values }) => (
            <path key={name} class={`line ${tone}`} d={pathOf(values, x, y)} />
          ))}
          {pointed !== null && <line class="pointer" x1={x(at)} x2={x(at)} y1="0" y2={height} />}
        </svg>
        <span class="top faint small">{format(top)}</span>
      </div>
      <dl class="legend">
        {lines.map(({ name, tone, values }) => (
          <div key={name}>
            <dt class={tone}>{name}</dt>
            <dd>{values[at] === null || values[at] === undefined ? "–" : format(values[at])}</dd>
          </div>
        ))}
      </dl>
    </figure>
  );
}

/** Broken where there is no value. */
function pathOf(values: readonly (number | null)[], x: (i: number) => number, y: (value: number) => number): string {
  let isDrawing = false;
  return values
    .map((value, i) => {
      if (value === null) {
        isDrawing = false;
        return "";
      }
      const command = isDrawing ? "L" : "M";
      isDrawing = true;
      // a lone value is a dot
      const alone = command === "M" && (values[i + 1] ?? null) === null ? "h0.1" : "";
      return `${command}${x(i).toFixed(1)} ${y(value).toFixed(1)}${alone}`;
    })
    .join("");
}
