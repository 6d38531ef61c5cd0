// Rates of counts that only grow.

/**
 * How much a count grew a second, for each reading; null for the first.
 * @template T
 * @param {T[]} readings
 * @param {(reading: T) => number} at in Unix milliseconds
 * @param {(reading: T) => number} value
 */
export function rates(readings, at, value) {
  return readings.map((reading, index) => {
    const before = readings[index - 1];
    return before ? Math.max(0, value(reading) - value(before)) / ((at(reading) - at(before)) / 1000) : null;
  });
}
