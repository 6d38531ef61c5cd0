// Programs that make a call, in six languages. Pure functions, without the page: tests run them in Node.

// The call, and what the programs share.

/**
 * @typedef {object} SnippetCall
 * @property {string} server where the server is, such as `http://127.0.0.1:8080`, without a slash at its end
 * @property {string} path such as `/v4/profile/portrait_set`
 * @property {number} app
 * @property {string} identifier
 * @property {string | null} usersig the text of it; null for a call without one
 * @property {boolean} environment whether the program reads the UserSig from PORTRAITD_USERSIG
 * @property {string} body
 */

/**
 * @typedef {object} Snippet
 * @property {string} id
 * @property {string} title the language's name
 * @property {string} file what the program is saved as
 * @property {string} run the command that runs it
 * @property {(call: SnippetCall) => string} write
 */

/** The name of the environment variable, as `portraitd env` sets it. */
export const VARIABLE = 'PORTRAITD_USERSIG';

/** Percent-encodes more than the URL needs: no sign that is left means anything to a shell. @param {string} text */
function encode(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The URL up to the value of `random`, which is left to the program, or up to the UserSig. @param {SnippetCall} call */
function urlStart(call) {
  return `${call.server}${call.path}?sdkappid=${call.app}&identifier=${encode(call.identifier)}&contenttype=json`;
}

/**
 * A character as `\uXXXX`, which Java, Go, JavaScript and Python read alike. One beyond U+FFFF becomes two, which Java and
 * JavaScript alone put together again.
 * @param {string} text
 */
function unicodeEscape(text) {
  return Array.from({ length: text.length }, (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`).join('');
}

/** Control characters but the line feed, and marks that change how source text is read or shown. */
const INVISIBLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A text in double quotes, as Go and Python read it. @param {string} text */
const quoted = (text) =>
  `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replace(INVISIBLE, unicodeEscape)}"`;

// Programs that are run as they are: shell, Node.js, PHP, Python.

/** A word in single quotes, in which nothing has a meaning but their end. @param {string} text */
const shellWord = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** @type {Snippet} */
const curl = {
  id: 'curl',
  title: 'curl',
  file: 'call.sh',
  run: 'sh call.sh',
  write(call) {
    const start = `${urlStart(call)}&random=99999999`;
    const url =
      call.usersig === null ? shellWord(start)
      : call.environment ? `${shellWord(`${start}&usersig=`)}"$${VARIABLE}"`
      : shellWord(`${start}&usersig=${encode(call.usersig)}`);
    return `curl -sS -X POST \\
  ${url} \\
  -H 'Content-Type: application/json' \\
  --data-raw ${shellWord(call.body)}
`;
  },
};

// A call with Node.js 18 or later.

/** A string in single quotes. @param {string} text */
const nodeText = (text) => `'${text.replace(/['\\]/g, '\\$&').replaceAll('\n', '\\n').replace(INVISIBLE, unicodeEscape)}'`;

/** A template literal, which may have several lines. @param {string} text */
const template = (text) => `\`${text.replace(/[\x60\\]|\$(?=\{)/g, '\\$&').replace(INVISIBLE, unicodeEscape)}\``;

/** @type {Snippet} */
export const node = {
  id: 'node',
  title: 'Node.js',
  file: 'call.mjs',
  run: 'node call.mjs',
  write(call) {
    const usersig = call.usersig === null ? '' : `\n  usersig: ${call.environment ? `process.env.${VARIABLE}` : nodeText(call.usersig)},`;
    return `const query = new URLSearchParams({
  sdkappid: ${nodeText(String(call.app))},
  identifier: ${nodeText(call.identifier)},${usersig}
  random: String(Math.floor(Math.random() * 2 ** 32)),
  contenttype: 'json',
});
const body = ${template(call.body)};

const answer = await fetch(${nodeText(`${call.server}${call.path}?`)} + query, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body,
});
console.log(await answer.text());
`;
  },
};

// A call with PHP and its curl extension.

/** A string in single quotes, in which only the quote and the backslash are escaped. @param {string} text */
const phpText = (text) => `'${text.replace(/['\\]/g, '\\$&')}'`;

/** @type {Snippet} */
const php = {
  id: 'php',
  title: 'PHP',
  file: 'call.php',
  run: 'php call.php',
  write(call) {
    const usersig = call.usersig === null ? '' : `\n    'usersig' => ${call.environment ? `getenv('${VARIABLE}')` : phpText(call.usersig)},`;
    return `<?php
$query = http_build_query([
    'sdkappid' => ${call.app},
    'identifier' => ${phpText(call.identifier)},${usersig}
    'random' => random_int(0, 4294967295),
    'contenttype' => 'json',
]);
$body = ${phpText(call.body)};

$request = curl_init(${phpText(`${call.server}${call.path}?`)} . $query);
curl_setopt_array($request, [
    CURLOPT_POSTFIELDS => $body,
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 10,
]);
$answer = curl_exec($request);
if ($answer === false) {
    exit(curl_error($request) . PHP_EOL);
}
echo $answer, PHP_EOL;
`;
  },
};

// A call with Python 3 and its standard library.

/** A string in three quotes, which may have several lines. Quotes are escaped where they would end it. @param {string} text */
const triple = (text) =>
  `"""${text.replaceAll('\\', '\\\\').replace(/""(?=")|"$/g, (part) => part.replaceAll('"', '\\"')).replace(INVISIBLE, unicodeEscape)}"""`;

/** @type {Snippet} */
const python = {
  id: 'python',
  title: 'Python',
  file: 'call.py',
  run: 'python3 call.py',
  write(call) {
    const reads = call.usersig !== null && call.environment;
    const usersig = call.usersig === null ? '' : `\n    "usersig": ${reads ? `os.environ["${VARIABLE}"]` : quoted(call.usersig)},`;
    return `${reads ? 'import os\n' : ''}import random
import urllib.parse
import urllib.request

query = urllib.parse.urlencode({
    "sdkappid": ${call.app},
    "identifier": ${quoted(call.identifier)},${usersig}
    "random": random.getrandbits(32),
    "contenttype": "json",
})
body = ${triple(call.body)}

request = urllib.request.Request(
    ${quoted(`${call.server}${call.path}?`)} + query,
    data=body.encode("utf-8"),
    headers={"Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=10) as answer:
    print(answer.read().decode("utf-8"))
`;
  },
};

// Programs that are compiled before they run: Go, Java.

/** A raw string, in which nothing is escaped, joined to interpreted ones for what it can't hold. @param {string} text */
const raw = (text) =>
  text.split(new RegExp(`((?:\`|${INVISIBLE.source})+)`)).filter((part) => part !== '')
    .map((part) => (part.includes('\x60') || part.search(INVISIBLE) >= 0 ? quoted(part) : `\`${part}\``)).join(' + ') || '""';

/** @type {Snippet} */
const go = {
  id: 'go',
  title: 'Go',
  file: 'call.go',
  run: 'go run call.go',
  write(call) {
    const value = call.environment ? `os.Getenv("${VARIABLE}")` : quoted(call.usersig ?? '');
    const usersig = call.usersig === null ? '' : `\n\t\t"usersig":     {${value}},`;
    return `package main

import (
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/url"
${call.usersig !== null && call.environment ? '\t"os"\n' : ''}	"strconv"
	"strings"
	"time"
)

func main() {
	query := url.Values{
		"sdkappid":    {"${call.app}"},
		"identifier":  {${quoted(call.identifier)}},${usersig}
		"random":      {strconv.FormatUint(uint64(rand.Uint32()), 10)},
		"contenttype": {"json"},
	}
	body := ${raw(call.body)}

	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Post(${quoted(`${call.server}${call.path}?`)}+query.Encode(), "application/json", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}
`;
  },
};

// A call with Java 11 or later and its own HTTP client.

/** A control character in octal: `\u000d` would end the line, as Java reads `\u` before it reads literals. @param {string} text */
const octal = (text) => `\\${text.charCodeAt(0).toString(8).padStart(3, '0')}`;

/**
 * A string literal. Letters beyond ASCII are escaped, because Java before 18 reads sources in the machine's own encoding.
 * @param {string} text
 */
const javaText = (text) =>
  `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replace(/[\0-\x1f]/g, octal).replace(/[^ -~]/gu, unicodeEscape)}"`;

/** A text of several lines: one literal for each. @param {string} text */
const lines = (text) => text.split(/(?<=\n)/).map(javaText).join('\n            + ') || '""';

/** @type {Snippet} */
const java = {
  id: 'java',
  title: 'Java',
  file: 'Call.java',
  run: 'java Call.java',
  write(call) {
    const value = call.environment ? `System.getenv("${VARIABLE}")` : javaText(call.usersig ?? '');
    const usersig = call.usersig === null ? '' : `\n            + "&usersig=" + encode(${value})`;
    return `import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ThreadLocalRandom;

public class Call {
    public static void main(String[] args) throws Exception {
        String url = ${javaText(`${call.server}${call.path}?sdkappid=${call.app}&contenttype=json`)}
            + "&identifier=" + encode(${javaText(call.identifier)})${usersig}
            + "&random=" + ThreadLocalRandom.current().nextLong(1L << 32);
        String body = ${lines(call.body)};

        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.body());
    }

    static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
`;
  },
};

/** Every language that the explorer writes code in. */
export const SNIPPETS = [curl, php, java, go, node, python];
