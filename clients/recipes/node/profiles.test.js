const assert = require("node:assert");
const test = require("node:test");
const { Profiles } = require("./profiles.js");

const env = process.env;
const who = { sdkappid: env.PORTRAITD_SDKAPPID, admin: env.PORTRAITD_ADMIN, usersig: env.PORTRAITD_USERSIG };

async function check(profiles) {
  await profiles.add("node");
  await profiles.set("node", { Nick: "昵称", BirthDay: 19900101 });
  assert.deepStrictEqual(await profiles.get("node", "Nick", "BirthDay"), { Nick: "昵称", BirthDay: 19900101 });
  await assert.rejects(profiles.set("node", { nickName: "x" }), { code: 40009 });
}

// The cloud's own name. `portraitd run` sets NODE_USE_ENV_PROXY where it can only lead through a proxy, which Node's fetch
// uses from version 24 on.
const led = !env.NODE_USE_ENV_PROXY || Number(process.versions.node.split(".")[0]) >= 24;
test("as in production", { skip: !led && "this Node's fetch uses no proxy" }, () => check(new Profiles(who)));

test("over HTTPS, trusted by NODE_EXTRA_CA_CERTS", () => check(new Profiles({ ...who, url: env.PORTRAITD_TLS_URL })));

test("with another URL", () => check(new Profiles({ ...who, url: env.PORTRAITD_URL })));
