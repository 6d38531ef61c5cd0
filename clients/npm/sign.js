// Signs what the file says with npm's official signer, line by line, and signs again what portraitd's own signer signed.
// Then calls a running portraitd as users who are nobody: 40004 says that their UserSig was good.
const fs = require("node:fs");
const zlib = require("node:zlib");
const { Api } = require("tls-sig-api-v2");

const { PORTRAITD_URL: url, PORTRAITD_SDKAPPID: app, PORTRAITD_KEY: key } = process.env;
const [cases, answers] = process.argv.slice(2);
const lines = fs.readFileSync(cases, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));

function agrees({ ours, key }) {
  const base64 = ours.replace(/\*/g, "+").replace(/-/g, "/").replace(/_/g, "=");
  const document = JSON.parse(zlib.inflateSync(Buffer.from(base64, "base64")));
  const api = new Api(document["TLS.sdkappid"], key);
  const userbuf = document["TLS.userbuf"] ?? null;
  const args = [document["TLS.identifier"], document["TLS.time"], document["TLS.expire"], userbuf];
  return api._hmacsha256(...args) === document["TLS.sig"];
}

async function main() {
  const signed = lines.map((line) => {
    const userbuf = line.userbuf === null ? null : Buffer.from(line.userbuf, "hex");
    const sig = new Api(line.app, line.key).genSig(line.identifier, line.expire, userbuf);
    return JSON.stringify({ sig, agrees: agrees(line) });
  });
  fs.writeFileSync(answers, signed.join("\n"));
  const api = new Api(Number(app), key);
  for (const { identifier } of lines.slice(0, 200)) {
    const sig = api.genSig(identifier, 600, Buffer.from("room"));
    const query = new URLSearchParams({ sdkappid: app, identifier, usersig: sig, random: "1", contenttype: "json" });
    const body = JSON.stringify({ To_Account: ["alice"], TagList: ["Tag_Profile_IM_Nick"] });
    const answer = await (await fetch(`${url}/v4/profile/portrait_get?${query}`, { method: "POST", body })).json();
    if (answer.ErrorCode !== 40004) throw new Error(`${identifier}: ${JSON.stringify(answer)}`);
  }
}

main();
