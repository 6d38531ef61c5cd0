// The console's own files, for tests: read as text, and imported as modules, without a browser.

import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const CONSOLE = fileURLToPath(new URL('../../../admin/console', import.meta.url));

// A copy that Node takes for modules: in the console's directory no file says so, because browsers need none.
const copy = mkdtempSync(join(tmpdir(), 'portraitd-console-'));
cpSync(CONSOLE, copy, { recursive: true });
writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
after(() => rmSync(copy, { recursive: true }));

// What the modules read of a browser when they are loaded.
const storage = () => ({ getItem: () => null, setItem() {}, removeItem() {} });
Object.assign(globalThis, {
  location: new URL('http://console.test/console/'), localStorage: storage(), sessionStorage: storage(),
  BroadcastChannel: class { postMessage() {} },
});
globalThis.navigator ??= { languages: ['en'] };

/** A module of the console. @param {string} path such as `ui/json.js` */
export const load = (path) => import(pathToFileURL(join(copy, path)).href);

/** The console's files whose names end so, each with its path and text. @param {string} end */
export function sources(end) {
  const paths = readdirSync(CONSOLE, { recursive: true }).filter((path) => path.endsWith(end)).sort();
  return paths.map((path) => ({ path, text: readFileSync(join(CONSOLE, path), 'utf8') }));
}
