// The chart of a move's rates: objects a second, changes behind, and how long
// posting takes. It is a file of its own, loaded when it is first drawn.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Rate } from "../move.gen";
import { count } from "../time";
import { words } from "../words";

const height = 180;

function dataOf(rates: Rate[]): uPlot.AlignedData {
  return [rates.map((r) => Date.parse(r.at) / 1000), rates.map((r) => r.objects), rates.map((r) => r.behind), rates.map((r) => r.p95)];
}

export function RatesChart({ rates }: { rates: Rate[] }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef(rates);
  now.current = rates;
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    let theme = "";
    const draw = () => {
      const style = getComputedStyle(at);
      const colour = (name: string) => style.getPropertyValue(name).trim();
      // A canvas knows no light-dark(): a probe resolves it.
      const probe = document.createElement("span");
      at.append(probe);
      const resolved = (name: string) => {
        probe.style.color = `var(${name})`;
        return getComputedStyle(probe).color || colour(name);
      };
      const quiet = resolved("--quiet");
      const line = resolved("--line");
      const series = [resolved("--accent"), resolved("--tide"), resolved("--warn")];
      probe.remove();
      const look = series.join();
      if (look === theme) return;
      theme = look;
      plot.current?.destroy();
      const axis = { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui, sans-serif" };
      const value = (_: uPlot, v: number | null) => (v == null ? "–" : count(Math.round(v)));
      plot.current = new uPlot({
        width: at.clientWidth, height, cursor: { drag: { x: false, y: false } }, legend: { live: true },
        scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.1, 1)] }, p95: { range: (_u, _min, max) => [0, Math.max(max * 1.1, 1)] } },
        axes: [{ ...axis, space: 90, values: (_u, list) => list.map((v) => new Date(v * 1000).toLocaleTimeString(words.locale)) }, { ...axis, size: 64, values: (_u, list) => list.map((v) => count(v)) }, { ...axis, side: 1, scale: "p95", grid: { show: false }, values: (_u, list) => list.map((v) => count(v)) }],
        series: [
          { label: words.when, value: (_u, v) => (v == null ? "–" : new Date(v * 1000).toLocaleTimeString(words.locale)) },
          { label: words.flightObjects, stroke: series[0]!, width: 2, value, points: { show: false } },
          { label: words.flightBehind, stroke: series[1]!, width: 1.5, dash: [6, 3], value, points: { show: false } },
          { label: words.flightP95, stroke: series[2]!, width: 1.5, dash: [2, 3], scale: "p95", value, points: { show: false } },
        ],
      }, dataOf(now.current), at);
    };
    draw();
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: at.clientWidth, height }));
    sized.observe(at);
    const themed = new MutationObserver(draw);
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      themed.disconnect();
      system.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(rates)), [rates]);
  const last = rates.at(-1);
  const alt = last ? words.flightChartAlt(count(Math.round(last.objects)), count(last.behind), count(Math.round(last.p95))) : "";
  return <div class="flight-chart" ref={box} role="img" aria-label={alt} />;
}
