// npm's official signer tls-sig-api-v2, with Node's own fetch, against a running portraitd. npm has no REST client of
// the profile API; this is what Node back ends write. fetch sends text/plain.
const assert = require("node:assert");
const { Api } = require("tls-sig-api-v2");

const { PORTRAITD_URL: url, PORTRAITD_SDKAPPID: app, PORTRAITD_KEY: key } = process.env;
const sig = new Api(Number(app), key).genSig("administrator", 600);

async function call(path, body) {
  const random = Math.floor(Math.random() * 2 ** 32);
  const query = `sdkappid=${app}&identifier=administrator&usersig=${sig}&random=${random}&contenttype=json`;
  const response = await fetch(`${url}/v4/${path}?${query}`, { method: "POST", body: JSON.stringify(body) });
  assert.strictEqual(response.status, 200);
  return response.json();
}

async function main() {
  const ok = (answer) => (assert.strictEqual(answer.ErrorCode, 0, JSON.stringify(answer)), answer);
  ok(await call("im_open_login_svc/account_import", { UserID: "node_user", Nick: "昵称" }));
  const set = (tag, value) =>
    call("profile/portrait_set", { From_Account: "node_user", ProfileItem: [{ Tag: tag, Value: value }] });
  ok(await set("Tag_Profile_IM_Level", 7));
  const tags = ["Tag_Profile_IM_Level", "Tag_Profile_IM_Nick"];
  const got = ok(await call("profile/portrait_get", { To_Account: ["node_user"], TagList: tags }));
  assert.deepStrictEqual(got.UserProfileItem[0].ProfileItem.map((item) => item.Value), [7, "昵称"]);
  assert.strictEqual((await set("Tag_Profile_IM_Level", "7")).ErrorCode, 40610);
  ok(await call("im_open_login_svc/account_delete", { DeleteItem: [{ UserID: "node_user" }] }));
  assert.strictEqual((await set("Tag_Profile_IM_Level", 8)).ErrorCode, 40003);
  console.log("account_import, portrait_set, portrait_get, account_delete ok");
}

main();
