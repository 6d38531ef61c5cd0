// The metrics of `GET /metrics`, in the OpenMetrics text format.

/** @typedef {{ labels: Record<string, string>, value: number }} Point */

/** The figures of one reading. */
export class Metrics {
  /** @param {string} text */
  constructor(text) {
    /** @type {Map<string, Point[]>} */
    this.points = new Map();
    for (const line of text.split('\n')) {
      const found = /^([a-zA-Z_]\w*)(?:\{(.*)\})? (\S+)/.exec(line);
      if (!found) continue;
      const [, name, labels, value] = found;
      const point = { labels: readLabels(labels ?? ''), value: value === '+Inf' ? Infinity : Number(value) };
      const points = this.points.get(name);
      if (points) points.push(point);
      else this.points.set(name, [point]);
    }
  }

  /** The points of a metric whose labels are these. @param {string} name @param {Record<string, string>} [wanted] */
  all(name, wanted = {}) {
    const points = this.points.get(`portraitd_${name}`) ?? [];
    return points.filter(({ labels }) => Object.entries(wanted).every(([label, value]) => labels[label] === value));
  }

  /** Their sum; undefined when there is none. @param {string} name @param {Record<string, string>} [wanted] */
  sum(name, wanted) {
    const points = this.all(name, wanted);
    return points.length === 0 ? undefined : points.reduce((sum, { value }) => sum + value, 0);
  }

  /** The greatest; undefined when there is none. @param {string} name @param {Record<string, string>} [wanted] */
  max(name, wanted) {
    const points = this.all(name, wanted);
    return points.length === 0 ? undefined : Math.max(...points.map(({ value }) => value));
  }

  /** How many values a histogram has up to each bound, all its labels together. @param {string} name @returns {Map<number, number>} */
  buckets(name) {
    /** @type {Map<number, number>} */
    const sums = new Map();
    for (const { labels, value } of this.all(`${name}_bucket`)) {
      const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
      sums.set(bound, (sums.get(bound) ?? 0) + value);
    }
    return sums;
  }
}

/** @param {string} text */
function readLabels(text) {
  const found = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(found.map(([, name, value]) => [
    name,
    value.replace(/\\(.)/g, (_, letter) => (letter === 'n' ? '\n' : letter)),
  ]));
}

/**
 * A quantile of the values that a histogram gained, as Prometheus' histogram_quantile has it; null when it gained none.
 * @param {number} part from 0 to 1 @param {Map<number, number>} before @param {Map<number, number>} after
 */
export function quantile(part, before, after) {
  const gained = [...after]
    .map(([bound, value]) => /** @type {[number, number]} */ ([bound, value - (before.get(bound) ?? 0)]))
    .sort(([one], [other]) => one - other);
  const all = gained.at(-1)?.[1] ?? 0;
  if (all <= 0) return null;
  const rank = part * all;
  const index = gained.findIndex(([, value]) => value >= rank);
  const [bound, value] = gained[index];
  const [lower, below] = index === 0 ? [0, 0] : gained[index - 1];
  return bound === Infinity ? lower : lower + ((bound - lower) * (rank - below)) / Math.max(value - below, 1);
}
