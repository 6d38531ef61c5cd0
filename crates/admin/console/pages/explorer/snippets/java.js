// A call with Java 11 or later and its own HTTP client.

import { VARIABLE, unicodeEscape } from './call.js';

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

/** @type {import('./call.js').Snippet} */
export const java = {
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
