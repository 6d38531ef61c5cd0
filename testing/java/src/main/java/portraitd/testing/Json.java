package portraitd.testing;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Reads and writes the control API's JSON, so that the package needs nothing but JUnit. Whole numbers are {@code Long}. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    static Object parse(String text) {
        Json json = new Json(text);
        Object value = json.value();
        json.space();
        if (json.at != text.length()) {
            throw json.wrong();
        }
        return value;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object value) {
        return (Map<String, Object>) value;
    }

    static List<Map<String, Object>> objects(Object value) {
        return ((List<?>) value).stream().map(Json::object).collect(Collectors.toList());
    }

    static String write(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream().map(entry -> write(entry.getKey()) + ":" + write(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
        }
        if (!(value instanceof String string)) {
            return String.valueOf(value);
        }
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : string.toCharArray()) {
            quoted.append(letter < ' ' || letter == '"' || letter == '\\' ? String.format("\\u%04x", (int) letter) : letter);
        }
        return quoted.append('"').toString();
    }

    private Object value() {
        switch (peek()) {
            case '{':
                Map<String, Object> object = new LinkedHashMap<>();
                for (at++; !took('}'); took(',')) {
                    space();
                    String name = string();
                    if (!took(':')) {
                        throw wrong();
                    }
                    object.put(name, value());
                }
                return object;
            case '[':
                List<Object> array = new ArrayList<>();
                for (at++; !took(']'); took(',')) {
                    array.add(value());
                }
                return array;
            case '"':
                return string();
            default:
                int start = at;
                while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
                    at++;
                }
                return word(text.substring(start, at));
        }
    }

    private Object word(String word) {
        switch (word) {
            case "null":
                return null;
            case "true":
            case "false":
                return Boolean.valueOf(word);
            default:
                try {
                    return word.matches("-?[0-9]{1,18}") ? (Object) Long.valueOf(word) : new BigDecimal(word);
                } catch (NumberFormatException error) {
                    throw wrong();
                }
        }
    }

    private String string() {
        StringBuilder string = new StringBuilder();
        for (at++; peekRaw() != '"'; at++) {
            char letter = peekRaw();
            if (letter == '\\') {
                at++;
                letter = peekRaw();
                int plain = "bfnrt".indexOf(letter);
                if (letter == 'u' && at + 5 <= text.length()) {
                    letter = (char) Integer.parseInt(text.substring(at + 1, at + 5), 16);
                    at += 4;
                } else if (plain >= 0) {
                    letter = "\b\f\n\r\t".charAt(plain);
                }
            }
            string.append(letter);
        }
        at++;
        return string.toString();
    }

    private boolean took(char wanted) {
        boolean is = peek() == wanted;
        at += is ? 1 : 0;
        return is;
    }

    private char peek() {
        space();
        return peekRaw();
    }

    private char peekRaw() {
        if (at >= text.length()) {
            throw wrong();
        }
        return text.charAt(at);
    }

    private void space() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
            at++;
        }
    }

    private IllegalArgumentException wrong() {
        return new IllegalArgumentException("no JSON at character " + at + ": " + text.substring(0, Math.min(100, text.length())));
    }
}
