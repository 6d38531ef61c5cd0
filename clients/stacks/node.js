// node node.js STACK URL: posts $BODY and prints the answer, as programs do that know nothing of portraitd.
const https = require("node:https");
const http = require("node:http");

const [stack, url] = process.argv.slice(2);
const body = process.env.BODY;

const stacks = {
  async fetch() {
    const answer = await fetch(url, { method: "POST", body });
    return answer.text();
  },
  async agent() {
    const module = url.startsWith("https:") ? https : http;
    const agent = new module.Agent({ keepAlive: true });
    let last;
    // Two calls: the second uses the first one's connection.
    for (let call = 0; call < 2; call++) {
      last = await new Promise((resolve, reject) => {
        const request = module.request(url, { method: "POST", agent }, (answer) => {
          let text = "";
          answer.on("data", (part) => (text += part)).on("end", () => resolve(text));
        });
        request.on("error", reject).end(body);
      });
    }
    agent.destroy();
    return last;
  },
  async family6() {
    return new Promise((resolve, reject) => {
      const request = https.request(url, { method: "POST", family: 6 }, (answer) => {
        let text = "";
        answer.on("data", (part) => (text += part)).on("end", () => resolve(text));
      });
      request.on("error", reject).end(body);
    });
  },
  async resolve() {
    // c-ares reads no hosts file.
    const [address] = await require("node:dns").promises.resolve4(new URL(url).hostname);
    return `resolved ${address}`;
  },
  async axios() {
    const answer = await require("axios").post(url, body, { responseType: "text", transformResponse: (text) => text });
    return answer.data;
  },
  async undici() {
    const answer = await require("undici").request(url, { method: "POST", body });
    return answer.body.text();
  },
};

stacks[stack]().then(
  (text) => console.log(text),
  (error) => {
    console.error(error.code ?? "", error.message, error.cause?.message ?? "");
    process.exit(1);
  },
);
