/** The figures as SVG charts, drawn by echarts without a browser. */
import * as echarts from "echarts";
import { median, type Figure, type Part } from "./figures.ts";

const chartSize = { width: 860, height: 380 };
/** Colours by name, the same in every chart. */
const colours: Readonly<Record<string, string>> = {
  "pulumi up": "#2563eb",
  "SSH script": "#d97706",
  Ansible: "#059669",
  "npm run up": "#7c3aed",
  "to the brokers": "#d97706",
  "through the address": "#2563eb",
};

/** @returns SVG texts by chart name, for the measured parts */
export function drawCharts(figures: readonly Figure[]): Record<string, string> {
  const of = (...parts: Part[]): Figure[] =>
    figures.filter(({ part, values }) => parts.includes(part) && values.length > 0);
  const drawn: Record<string, string> = {};
  const put = (name: string, title: string, own: readonly Figure[], draw: typeof barChart): void => {
    if (own.length > 0) drawn[name] = renderSvg(title, draw(own));
  };
  put("bench-cold", "From nothing to a whole system of three brokers", of("cold"), barChart);
  put("bench-changes", "Nothing, or one HAProxy setting, to change", of("nochange", "setting"), barChart);
  put("bench-rolling", "One setting of the brokers' that needs a restart, in turn", of("rolling"), barChart);
  put("bench-grow", "From nothing, by the number of brokers", figuresBySize(of("cold", "grow")), lineChart);
  put("bench-failover", "Time without service, every trial", of("failover"), scatterChart);
  const sent = of("throughput");
  put(
    "bench-throughput",
    "Through the virtual address, and straight to the brokers",
    sent.filter(({ unit }) => unit === "msg/s"),
    barChart,
  );
  put(
    "bench-latency",
    "Latency at a steady rate",
    sent.filter(({ unit }) => unit === "ms"),
    barChart,
  );
  return drawn;
}

/** @returns the figures of tools with more than one size; for a size measured by both parts, the one of `grow` */
function figuresBySize(figures: readonly Figure[]): Figure[] {
  const grown = figures.filter(({ part }) => part === "grow");
  const others = figures.filter(
    ({ part, who, what }) =>
      part !== "grow" &&
      grown.some((other) => other.who === who) &&
      !grown.some((other) => other.who === who && other.what === what),
  );
  return [...others, ...grown];
}

type Drawing = Pick<echarts.EChartsCoreOption, "xAxis" | "yAxis" | "series">;

function renderSvg(title: string, drawing: Drawing): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, ...chartSize });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: "#ffffff",
      color: ["#2563eb", "#d97706"],
      title: { text: title, left: 12, top: 8, textStyle: { fontSize: 15 } },
      legend: { top: 36, itemGap: 28 },
      grid: { left: 16, right: 28, top: 76, bottom: 16, containLabel: true },
      ...drawing,
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function roundTo3Digits(value: number): number {
  return Number(value.toPrecision(3));
}

/** Medians as bars, a group for each thing measured; a line spans from the best to the worst value. */
function barChart(figures: readonly Figure[]): Drawing {
  const groups = unique(figures.map(({ what }) => what));
  const names = unique(figures.map(({ who }) => who));
  const series = names.map((who) => ({
    name: who,
    type: "bar",
    barMaxWidth: 60,
    itemStyle: { color: colours[who] ?? "#6b7280" },
    data: groups.map((what) => {
      const figure = figures.find((one) => one.what === what && one.who === who);
      return figure === undefined ? "-" : roundTo3Digits(median(figure.values));
    }),
  }));
  return {
    xAxis: { type: "category", data: groups, axisLabel: { interval: 0, width: 170, overflow: "break" } },
    yAxis: { type: "value", name: figures[0]?.unit ?? "", min: 0 },
    series: [...series, rangeMarks(figures, groups, names)],
  };
}

/** The range of each bar with its median above, as a custom series, since echarts has no error bars. */
function rangeMarks(figures: readonly Figure[], groups: readonly string[], names: readonly string[]): object {
  const data = figures.map((figure) => [
    ...[groups.indexOf(figure.what), names.indexOf(figure.who)],
    ...[Math.min(...figure.values), Math.max(...figure.values), roundTo3Digits(median(figure.values))],
  ]);
  return {
    type: "custom",
    data,
    encode: { x: 0, y: [2, 3] },
    silent: true,
    z: 5,
    renderItem: (_: unknown, api: echarts.CustomSeriesRenderItemAPI) => {
      const [group = 0, name = 0, least = 0, most = 0, middle = 0] = [0, 1, 2, 3, 4].map((index) =>
        Number(api.value(index)),
      );
      const layout = api.barLayout({ barMaxWidth: 60, count: names.length });
      const [x = 0, low = 0] = api.coord([group, least]);
      const [, high = 0] = api.coord([group, most]);
      const at = x + (layout?.[name]?.offsetCenter ?? 0);
      const line = (shape: object): object => ({
        type: "line",
        shape,
        style: { stroke: "#111827", lineWidth: 1.5 },
      });
      const style = { text: `${middle}`, fill: "#111827", align: "center", verticalAlign: "bottom" };
      return {
        type: "group",
        children: [
          line({ x1: at, x2: at, y1: low, y2: high }),
          ...[low, high].map((y) => line({ x1: at - 5, x2: at + 5, y1: y, y2: y })),
          { type: "text", x: at, y: high - 5, style },
        ],
      };
    },
  };
}

/** Medians as lines over the number of brokers, with which each `what` begins. */
function lineChart(figures: readonly Figure[]): Drawing {
  const names = unique(figures.map(({ who }) => who));
  const at = ({ what }: Figure): number => Number.parseInt(what, 10);
  return {
    xAxis: {
      type: "value",
      name: "brokers",
      nameLocation: "middle",
      nameGap: 26,
      min: 2,
      max: 8,
      interval: 1,
      splitLine: { show: false },
    },
    yAxis: { type: "value", name: "s", min: 0 },
    series: names.map((who) => ({
      name: who,
      type: "line",
      symbolSize: 8,
      label: { show: true, position: "top" },
      color: colours[who] ?? "#6b7280",
      data: figures
        .filter((figure) => figure.who === who)
        .map((figure) => [at(figure), roundTo3Digits(median(figure.values))])
        .toSorted(([a = 0], [b = 0]) => a - b),
    })),
  };
}

/** Every value as a point, with the median as a bar across each column. */
function scatterChart(figures: readonly Figure[]): Drawing {
  const groups = unique(figures.map(({ what }) => what));
  return {
    xAxis: { type: "category", data: groups, axisLabel: { interval: 0, width: 90, overflow: "break" } },
    yAxis: { type: "value", name: "s", min: 0 },
    series: [
      {
        name: "one trial",
        type: "scatter",
        symbolSize: 8,
        itemStyle: { opacity: 0.6 },
        data: figures.flatMap(({ what, values }) => values.map((value) => [what, roundTo3Digits(value)])),
      },
      {
        name: "median",
        type: "scatter",
        symbol: "rect",
        symbolSize: [44, 3],
        label: { show: true, position: "right" },
        data: figures.map(({ what, values }) => [what, roundTo3Digits(median(values))]),
      },
    ],
  };
}
