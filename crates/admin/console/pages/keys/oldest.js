// Which key is likely the one to be replaced.

/**
 * The keys, the one that is likely to be replaced first: the oldest. A key of unknown age is from before ages were noted;
 * of equal ages the one that is unused for longest is first.
 * @param {import('./uses.js').Key[]} keys @param {(key: import('./uses.js').Key) => number | null} usedAt
 */
export function oldestFirst(keys, usedAt) {
  const age = (/** @type {import('./uses.js').Key} */ key) => [key.created_ms ?? 0, usedAt(key) ?? 0, key.id];
  const compare = (/** @type {number[]} */ one, /** @type {number[]} */ other) => {
    const place = one.findIndex((value, index) => value !== other[index]);
    return place < 0 ? 0 : one[place] - other[place];
  };
  return [...keys].sort((one, other) => compare(age(one), age(other)));
}
