// Receives Profile.CallbackPortraitSet, and refuses what was not signed with the token.
// WEBHOOK_TOKEN holds the token, PORT the port.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const token = process.env.WEBHOOK_TOKEN;
if (!token) throw new Error("WEBHOOK_TOKEN is not set");
const AGE_SECONDS_MAX = 300;
const BODY_BYTES_MAX = 1 << 20;
const seen = new Set(); // a real back end keeps event ids where its data is, in the transaction that uses the event

function same(given, expected) {
  const [a, b] = [Buffer.from(given ?? ""), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

// Says why a call is not genuine; undefined when it is.
function refusal(query, headers, body) {
  const time = query.get("RequestTime") ?? "";
  const sign = createHash("sha256").update(token + time).digest("hex");
  if (!same(query.get("Sign"), sign)) return "Sign is wrong";
  if (!/^[0-9]+$/.test(time) || Math.abs(Date.now() / 1000 - Number(time)) > AGE_SECONDS_MAX) {
    return "RequestTime is too far away";
  }
  // Sign does not cover the body; this does. The cloud does not send it: leave this check out where the cloud calls.
  const stamp = headers["x-portraitd-timestamp"] ?? "";
  const signed = createHmac("sha256", token).update(`${stamp}.`).update(body).digest("hex");
  if (!same(headers["x-portraitd-signature"], `v1=${signed}`)) return "x-portraitd-signature is wrong";
  if (stamp !== time) return "x-portraitd-timestamp is not RequestTime";
}

async function read(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > BODY_BYTES_MAX) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function answer(response, status, code, info) {
  const body = JSON.stringify({ ActionStatus: code ? "FAIL" : "OK", ErrorCode: code, ErrorInfo: info });
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

async function receive(request, response) {
  const body = await read(request).catch(() => undefined);
  if (body === undefined) return answer(response, 413, 1, "the body is too long");
  const query = new URL(request.url, "http://localhost").searchParams;
  const why = refusal(query, request.headers, body);
  if (why) {
    console.log(`refused: ${why}`);
    return answer(response, 403, 1, why);
  }
  const event = JSON.parse(body);
  const id = request.headers["x-portraitd-event-id"];
  console.log(seen.has(id) ? "repeated" : "accepted", event.From_Account);
  seen.add(id);
  answer(response, 200, 0, "");
}

createServer((request, response) => {
  receive(request, response).catch((error) => answer(response, 400, 1, error.message));
}).listen(Number(process.env.PORT ?? 9000), "127.0.0.1");
