import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { EmulatorError, createApp, sign, startEmulator } from "portraitd-testing";

const NICK = "Tag_Profile_IM_Nick";
const GET = { To_Account: ["alice"], TagList: [NICK] };
let app;

beforeEach(async () => {
  app = await createApp();
});
afterEach(() => app.delete());

async function call(app, path, body, { usersig = app.usersig, identifier = app.admin } = {}) {
  const query = new URLSearchParams({ sdkappid: app.sdkappid, identifier, usersig, random: 7, contenttype: "json" });
  const response = await fetch(`${app.url}/v4/${path}?${query}`, { method: "POST", body: JSON.stringify(body) });
  return response.json();
}

async function withEnv(changes, run) {
  const before = { ...process.env };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  try {
    return await run();
  } finally {
    process.env = before;
  }
}

test("a set and a get with fetch", async () => {
  assert.equal((await call(app, "im_open_login_svc/account_import", { UserID: "node" })).ErrorCode, 0);
  const body = { From_Account: "node", ProfileItem: [{ Tag: NICK, Value: "昵称" }] };
  assert.equal((await call(app, "profile/portrait_set", body)).ErrorCode, 0);
  const got = await call(app, "profile/portrait_get", { To_Account: ["node"], TagList: [NICK] });
  assert.deepEqual(got.UserProfileItem[0].ProfileItem, [{ Tag: NICK, Value: "昵称" }]);
  const calls = await app.requests({ user: "node", code: 0 });
  assert.deepEqual(calls.map((row) => row.command), ["account_import", "portrait_set", "portrait_get"]);
});

for (const round of [1, 2]) {
  test(`no test sees the accounts of another, ${round}`, async () => {
    const check = { CheckItem: [{ UserID: "only-here" }] };
    const status = async () =>
      (await call(app, "im_open_login_svc/account_check", check)).ResultItem[0].AccountStatus;
    assert.equal(await status(), "NotImported");
    assert.equal((await call(app, "im_open_login_svc/account_import", { UserID: "only-here" })).ErrorCode, 0);
    assert.equal(await status(), "Imported");
  });
}

test("a wrong key is refused", async () => {
  const forged = sign(app.sdkappid, "0".repeat(64), app.admin);
  assert.equal((await call(app, "profile/portrait_get", GET, { usersig: forged })).ErrorCode, 70009);
  assert.equal((await app.requests({ code: 70009 })).length, 1);
  // 40004: the UserSig is right, and alice is no App admin.
  const alice = { identifier: "alice", usersig: await app.sign("alice") };
  assert.equal((await call(app, "profile/portrait_get", GET, alice)).ErrorCode, 40004);
});

test("a fault, and time that passes", async () => {
  await app.addFault({ command: "portrait_get", next: 1, code: 60007 });
  assert.equal((await call(app, "profile/portrait_get", GET)).ErrorCode, 60007);
  assert.equal((await call(app, "profile/portrait_get", GET)).ErrorCode, 0);
  await app.advance("181d");
  assert.equal((await call(app, "profile/portrait_get", GET)).ErrorCode, 70001);
  assert.equal((await call(app, "profile/portrait_get", GET, { usersig: await app.sign(app.admin) })).ErrorCode, 0);
});

test("webhooks", async () => {
  const app = await createApp({ webhook: true, empty: true });
  await call(app, "im_open_login_svc/account_import", { UserID: "node", Nick: "n" });
  assert.equal((await app.webhooks())[0].user, "node");
  await app.delete();
});

test("start and reuse, with require as well", async () => {
  const required = createRequire(import.meta.url)("portraitd-testing");
  const own = await withEnv({ PORTRAITD_URL: undefined }, () => required.startEmulator());
  assert.ok(own.started && own.url !== app.url);
  const reused = await withEnv({ PORTRAITD_URL: own.url }, startEmulator);
  assert.ok(!reused.started);
  await reused.stop();
  await (await own.createApp()).delete();
  await own.stop();
  await assert.rejects(reused.createApp(), /no portraitd emulator answers at .*, which PORTRAITD_URL names/);
  await assert.rejects(own.createApp(), /has ended, exit code 0/);
});

test("an emulator that was not found", async () => {
  const named = { PORTRAITD_URL: undefined, PORTRAITD_BINARY: "/nothing" };
  await assert.rejects(withEnv(named, startEmulator), /PORTRAITD_BINARY is \/nothing, and that is no program. Install/);
  const nowhere = { PORTRAITD_URL: undefined, PORTRAITD_BINARY: undefined, PATH: "/nothing" };
  await assert.rejects(withEnv(nowhere, startEmulator), EmulatorError);
});

test("it ends with a test process that is killed", { skip: process.platform === "win32" }, async () => {
  const script =
    "import('portraitd-testing').then((m) => m.startEmulator()).then((e) => console.log(e.url)); setInterval(() => {}, 1e6)";
  const env = { ...process.env };
  delete env.PORTRAITD_URL;
  const options = { env, cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"] };
  const child = spawn(process.execPath, ["-e", script], options);
  const url = await new Promise((resolve) => child.stdout.once("data", (line) => resolve(String(line).trim())));
  const emulator = await withEnv({ PORTRAITD_URL: url }, startEmulator);
  child.kill("SIGKILL");
  for (let tries = 0; tries < 100; tries++) {
    try {
      await emulator.control("GET", "/clock");
    } catch {
      return;
    }
    await sleep(100);
  }
  assert.fail("the emulator goes on");
});
