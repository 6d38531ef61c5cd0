// Elements, and values that the page follows: all that the console needs of a framework.
//
// A signal holds a value; an effect runs again when a signal that it read has changed. What an effect or a scope made
// (other effects, event listeners) ends with it. Text is always set as text: nothing here makes markup of a string.

/** The effect that what is made now ends with. @type {Effect | null} */
let owner = null;
/** The effect that follows what is read now. @type {Effect | null} */
let reader = null;
/** @type {Set<Effect>} */
const waiting = new Set();

/** A computation that runs again when what it read has changed. */
class Effect {
  /** @param {() => void} run */
  constructor(run) {
    this.run = run;
    /** @type {Set<Set<Effect>>} */
    this.sources = new Set();
    /** @type {(() => void)[]} */
    this.cleanups = [];
    this.ended = false;
    owner?.cleanups.push(() => this.end());
  }

  start() {
    this.clear();
    const before = [owner, reader];
    owner = reader = this;
    try {
      this.run();
    } finally {
      [owner, reader] = before;
    }
  }

  clear() {
    for (const source of this.sources) source.delete(this);
    this.sources.clear();
    for (const cleanup of this.cleanups.splice(0).reverse()) cleanup();
  }

  end() {
    this.ended = true;
    this.clear();
  }
}

function flush() {
  for (const effect of waiting) {
    waiting.delete(effect);
    if (!effect.ended) effect.start();
  }
}

/**
 * @template T
 * @param {T} initial
 * @returns {{ value: T, peek: () => T }} `value` is followed by the effect that reads it, `peek()` is not.
 */
export function signal(initial) {
  let value = initial;
  /** @type {Set<Effect>} */
  const readers = new Set();
  return {
    get value() {
      if (reader) {
        readers.add(reader);
        reader.sources.add(readers);
      }
      return value;
    },
    set value(next) {
      if (Object.is(next, value)) return;
      value = next;
      if (readers.size === 0) return;
      if (waiting.size === 0) queueMicrotask(flush);
      for (const one of readers) waiting.add(one);
    },
    peek: () => value,
  };
}

/**
 * Runs a function now and whenever what it read changes. Returns the function that ends it.
 * @param {() => void} run
 */
export function effect(run) {
  const made = new Effect(run);
  made.start();
  return () => made.end();
}

/**
 * A signal that follows others.
 * @template T
 * @param {() => T} compute
 */
export function computed(compute) {
  const result = signal(/** @type {T} */ (undefined));
  effect(() => {
    result.value = compute();
  });
  return result;
}

/** Runs a function when the current effect runs again or ends. @param {() => void} cleanup */
export function onCleanup(cleanup) {
  owner?.cleanups.push(cleanup);
}

/**
 * Runs a function in which nothing is followed.
 * @template T
 * @param {() => T} run
 */
export function untracked(run) {
  const before = reader;
  reader = null;
  try {
    return run();
  } finally {
    reader = before;
  }
}

/** Listens to an event of the window or the document until the current effect ends. @param {EventTarget} target */
export function listen(target, /** @type {string} */ name, /** @type {(event: any) => void} */ handler) {
  target.addEventListener(name, handler);
  onCleanup(() => target.removeEventListener(name, handler));
}

/**
 * @typedef {Node | string | number | null | undefined | false | Array<any> | (() => any)} Child an array is one of children, a function returns one
 */

/**
 * Makes an element. An attribute that is a function is followed, and so is a child that is one. `onclick` and the like are
 * listeners; `class` takes a string, or an object of names and conditions.
 * @param {string} tag
 * @param {Record<string, any> | null} [attributes]
 * @param {...Child} children
 * @returns {any} an HTMLElement of that tag
 */
export function h(tag, attributes, ...children) {
  const svg = tag === 'svg' || tag.startsWith('svg:');
  const name = tag.replace('svg:', '');
  const element = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (typeof value === 'function') effect(() => setAttribute(element, name, value()));
    else setAttribute(element, name, value);
  }
  append(element, children);
  return element;
}

/** @param {Element} element */
function setAttribute(element, /** @type {string} */ name, /** @type {any} */ value) {
  if (name === 'class' && value && typeof value === 'object') {
    value = Object.keys(value).filter((key) => value[key]).join(' ');
  }
  if (name === 'value' || name === 'checked' || name === 'indeterminate') /** @type {any} */ (element)[name] = value;
  else if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : String(value));
}

/** @param {Node} parent @param {Child} child */
function append(parent, child) {
  if (Array.isArray(child)) for (const one of child) append(parent, one);
  else if (typeof child === 'function') appendFollowed(parent, child);
  else if (child instanceof Node) parent.appendChild(child);
  else if (child !== null && child !== undefined && child !== false) parent.appendChild(new Text(String(child)));
}

/** Appends a child that is rebuilt whenever what it read changes. @param {Node} parent @param {() => Child} child */
function appendFollowed(parent, child) {
  // Between these two is what is shown, also what followed children within it have put there since.
  const [start, end] = [parent.appendChild(new Text('')), parent.appendChild(new Text(''))];
  effect(() => {
    const fragment = document.createDocumentFragment();
    append(fragment, child());
    while (start.nextSibling && start.nextSibling !== end) start.nextSibling.remove();
    end.parentNode?.insertBefore(fragment, end);
  });
}

/**
 * The elements of a list, one for each key: an element stays while its item does.
 * @template T
 * @param {() => T[]} items
 * @param {(item: T) => string | number} keyOf
 * @param {(item: T) => Node} render an item with the same key and another identity is rendered again
 * @returns {Node}
 */
export function each(items, keyOf, render) {
  const end = new Text('');
  const fragment = document.createDocumentFragment();
  fragment.appendChild(end);
  /** @type {Map<string | number, { item: T, node: Node, end: () => void }>} */
  let shown = new Map();
  onCleanup(() => shown.forEach(remove));
  effect(() => {
    const list = items();
    untracked(() => {
      const next = new Map();
      for (const item of list) {
        const key = keyOf(item);
        let row = shown.get(key);
        if (row && row.item !== item) {
          remove(row);
          row = undefined;
        }
        next.set(key, row ?? add(item));
        shown.delete(key);
      }
      shown.forEach(remove);
      shown = next;
      /** @type {Node} */
      let after = end;
      for (const row of [...shown.values()].reverse()) {
        if (row.node.nextSibling !== after) end.parentNode?.insertBefore(row.node, after);
        after = row.node;
      }
    });
  });
  return fragment;

  function add(/** @type {T} */ item) {
    const row = { item, node: /** @type {Node} */ (new Text('')), end: () => {} };
    const before = owner;
    owner = null; // a row outlives the run of the effect that made it
    try {
      row.end = effect(() => {
        row.node = untracked(() => render(item));
      });
    } finally {
      owner = before;
    }
    return row;
  }

  function remove(/** @type {{ node: Node, end: () => void }} */ row) {
    row.end();
    /** @type {ChildNode} */ (row.node).remove();
  }
}
