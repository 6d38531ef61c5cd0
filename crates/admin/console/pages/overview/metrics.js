// The metrics of `GET /metrics`, in the OpenMetrics text format.

/** @typedef {{ labels: Record<string, string>, value: number }} Labelled */

/** The figures of one reading. */
export class Metrics {
  /** @param {string} text */
  constructor(text) {
    /** @type {Map<string, Labelled[]>} */
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
}

/** @param {string} text */
function readLabels(text) {
  const found = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(found.map(([, name, value]) => [
    name,
    value.replace(/\\(.)/g, (_, letter) => (letter === 'n' ? '\n' : letter)),
  ]));
}
