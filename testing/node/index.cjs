// Starts, reuses and stops the portraitd emulator, and makes an app for each test. Types and documentation: index.d.cts.
"use strict";

const { spawn } = require("node:child_process");
const { createHmac } = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");
const path = require("node:path");
const zlib = require("node:zlib");

// The emulator reads nothing from standard input; the shell beside it does, and ends it when this process is gone, also
// after SIGKILL: then the pipe's other end is closed.
const GUARD =
  'exec 3<&0; "$@" </dev/null 3<&- & p=$!; { read -r _ <&3; kill $p; } >/dev/null 2>&1 & ' +
  "exec 3<&-; wait $p; s=$?; kill $! 2>/dev/null; exit $s";
const START_MS = 20_000;
const DAYS_180 = 180 * 24 * 3600;
const INSTALL =
  "Install it from a checkout of portraitd (cargo install --locked --path crates/portraitd) so that PATH has it, " +
  "or name the program in PORTRAITD_BINARY, or name a running emulator in PORTRAITD_URL.";

class EmulatorError extends Error {
  name = "EmulatorError";
}

function sign(sdkappid, key, user, expire = DAYS_180, time = Math.floor(Date.now() / 1000)) {
  const text = `TLS.identifier:${user}\nTLS.sdkappid:${sdkappid}\nTLS.time:${time}\nTLS.expire:${expire}\n`;
  const document = {
    "TLS.ver": "2.0",
    "TLS.identifier": user,
    "TLS.sdkappid": sdkappid,
    "TLS.time": time,
    "TLS.expire": expire,
    "TLS.sig": createHmac("sha256", key).update(text).digest("base64"),
  };
  const letters = { "+": "*", "/": "-", "=": "_" };
  return zlib.deflateSync(JSON.stringify(document)).toString("base64").replace(/[+/=]/g, (letter) => letters[letter]);
}

class App {
  #emulator;
  #moved = false;

  constructor(emulator, { sdkappid, key, admin, usersig }) {
    this.#emulator = emulator;
    Object.assign(this, { url: emulator.url, sdkappid, key, admin, usersig });
  }

  async sign(user, expire = DAYS_180) {
    const clock = await this.#emulator.control("GET", "/clock");
    return sign(this.sdkappid, this.key, user, expire, Math.floor(clock.now_ms / 1000));
  }

  requests(filter = {}) {
    return this.#emulator.control("GET", `/requests?${new URLSearchParams({ ...filter, app: this.sdkappid })}`);
  }

  webhooks({ count = 1, waitMs = 5000 } = {}) {
    const query = new URLSearchParams({ app: this.sdkappid, count, wait_ms: waitMs });
    return this.#emulator.control("GET", `/webhooks?${query}`);
  }

  async addFault(rule) {
    return (await this.#emulator.control("POST", "/faults", { ...rule, app: this.sdkappid })).id;
  }

  async advance(span) {
    this.#moved = true;
    await this.#emulator.control("PUT", "/clock", { advance: span });
  }

  async delete() {
    if (this.#moved) await this.#emulator.control("DELETE", "/clock");
    this.#moved = false;
    await this.#emulator.control("DELETE", `/apps/${this.sdkappid}`);
  }
}

class Emulator {
  #child;
  #ended;
  #token;

  constructor(url, token, child, ended) {
    this.url = url.replace(/\/+$/, "");
    this.started = child !== undefined;
    this.#child = child;
    this.#ended = ended;
    this.#token = token;
  }

  async createApp(options = {}) {
    return new App(this, await this.control("POST", "/apps", options));
  }

  async control(method, path, body) {
    const url = `${this.url}/_portraitd${path}`;
    const { status, text } = await this.#send(method, url, body);
    if (status >= 400) throw new EmulatorError(`${method} ${url} was refused: ${status} ${text}`);
    try {
      return text === "" ? undefined : JSON.parse(text);
    } catch {
      throw new EmulatorError(`${url} is no portraitd emulator: ${text.slice(0, 100)}`);
    }
  }

  async stop() {
    if (!this.#child) return;
    this.#child.stdin.end();
    if (process.platform === "win32") this.#child.kill();
    this.#child.ref();
    await this.#ended;
  }

  // Not fetch: it follows HTTPS_PROXY where NODE_USE_ENV_PROXY says so, and an agent of its own does not.
  async #send(method, url, body) {
    const headers = { "content-type": "application/json", connection: "close" };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    try {
      return await new Promise((resolve, reject) => {
        const request = http.request(url, { method, headers, agent: new http.Agent(), timeout: 60_000 }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part) => (text += part)).on("error", reject);
          response.on("end", () => resolve({ status: response.statusCode, text }));
        });
        request.on("error", reject).on("timeout", () => request.destroy(new Error("no answer within 60 s")));
        request.end(body === undefined ? undefined : JSON.stringify(body));
      });
    } catch (error) {
      throw new EmulatorError(await this.#gone(error.message), { cause: error });
    }
  }

  async #gone(why) {
    if (!this.#child) {
      return (
        `no portraitd emulator answers at ${this.url}, which PORTRAITD_URL names: ${why}. Start it (portraitd dev), ` +
        "or unset PORTRAITD_URL to have one started for the tests."
      );
    }
    const end = await Promise.race([this.#ended, new Promise((resolve) => setTimeout(resolve, 1000))]);
    if (end === undefined) return `the portraitd emulator at ${this.url} runs, but does not answer: ${why}`;
    return `the portraitd emulator at ${this.url} has ended, ${end}`;
  }
}

async function startEmulator() {
  const running = process.env.PORTRAITD_URL;
  if (running) {
    const emulator = new Emulator(running, process.env.PORTRAITD_ADMIN_TOKEN);
    await emulator.control("GET", "/clock");
    return emulator;
  }
  const { child, ended } = launch();
  const said = await new Promise((resolve) => {
    let text = "";
    child.stdout.on("data", (part) => {
      text += part;
      if (text.includes("\n")) resolve(text);
    });
    ended.then(() => resolve(undefined));
    setTimeout(resolve, START_MS).unref();
  });
  if (said === undefined) {
    child.stdin.end();
    throw new EmulatorError(`\`portraitd dev\` did not start: ${await ended}`);
  }
  // The process may end while the emulator runs.
  for (const part of [child, child.stdin, child.stdout]) part.unref();
  const { url, admin_token: token } = JSON.parse(said);
  return new Emulator(url, token, child, ended);
}

function launch() {
  const command = [binary(), "dev", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  if (process.platform !== "win32") command.unshift("sh", "-c", GUARD, "sh");
  // PORTRAITD_SERVER_DATA, for one, would have it keep its data, and there are no throw-away apps then.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PORTRAITD_SERVER_")));
  const log = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "portraitd-")), "stderr");
  const stderr = fs.openSync(log, "w+");
  const child = spawn(command[0], command.slice(1), { env, stdio: ["pipe", "pipe", stderr], detached: true });
  fs.rmSync(path.dirname(log), { recursive: true, force: true });
  child.stdin.on("error", () => {});
  const ended = new Promise((resolve) => {
    const end = (how) => {
      const size = Math.min(fs.fstatSync(stderr).size, 2000);
      const text = Buffer.alloc(size);
      fs.readSync(stderr, text, 0, size, fs.fstatSync(stderr).size - size);
      fs.closeSync(stderr);
      resolve(`${how}: ${text.toString().trim() || "it printed nothing"}`);
    };
    child.once("error", (error) => end(error.message));
    child.once("exit", (code, signal) => end(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  return { child, ended };
}

function binary() {
  const isProgram = (file) => {
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return fs.statSync(file).isFile();
    } catch {
      return false;
    }
  };
  const name = process.platform === "win32" ? "portraitd.exe" : "portraitd";
  const named = process.env.PORTRAITD_BINARY;
  if (named) {
    if (isProgram(named)) return path.resolve(named);
    throw new EmulatorError(`PORTRAITD_BINARY is ${named}, and that is no program. ${INSTALL}`);
  }
  const found = (process.env.PATH ?? "").split(path.delimiter).map((folder) => path.join(folder, name)).find(isProgram);
  if (!found) throw new EmulatorError(`the program portraitd was not found. ${INSTALL}`);
  return found;
}

let shared;

async function createApp(options) {
  shared ??= startEmulator();
  return (await shared).createApp(options);
}

async function stop() {
  const running = shared;
  shared = undefined;
  await (await running)?.stop();
}

module.exports = { App, Emulator, EmulatorError, createApp, sign, startEmulator, stop };
