package portraitd.testing;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A throw-away app and its admin: accounts, faults and recorded calls that no other test sees.
 *
 * @param usersig the admin's, valid for 180 days
 */
public record App(Emulator emulator, String url, long sdkappid, String key, String admin, String usersig) {
    /** A call that the emulator recorded; {@code body} and {@code answer} as parsed JSON, {@code detail} says why, in words. */
    public record Call(String path, String command, String identifier, Integer code, String detail, Object body, Object answer) {
        static Call of(Map<String, Object> call) {
            Long code = (Long) call.get("code");
            return new Call((String) call.get("path"), (String) call.get("command"), (String) call.get("identifier"),
                    code == null ? null : code.intValue(), (String) call.get("detail"), call.get("body"), call.get("answer"));
        }
    }

    /** Returns a UserSig for a user, by the emulator's clock, valid for 180 days. */
    public String sign(String user) {
        long now = (Long) Json.object(emulator.control("GET", "/clock", null)).get("now_ms");
        return UserSig.sign(sdkappid, key, user, Instant.ofEpochMilli(now), UserSig.DEFAULT_EXPIRE);
    }

    /** Returns this app's recorded calls, oldest first. */
    public List<Call> requests() {
        return Json.objects(emulator.control("GET", "/requests?app=" + sdkappid, null)).stream().map(Call::of)
                .collect(Collectors.toList());
    }

    /** Returns this app's webhook calls that the emulator received, as parsed JSON, once {@code count} came or the wait is over. */
    public List<Map<String, Object>> webhooks(int count, Duration wait) {
        String query = "?app=" + sdkappid + "&count=" + count + "&wait_ms=" + wait.toMillis();
        return Json.objects(emulator.control("GET", "/webhooks" + query, null));
    }

    /**
     * Makes this app's calls go wrong, for example {@code Map.of("command", "portrait_set", "next", 1, "close", "after")}. The
     * members are those of docs/EMULATOR.md.
     */
    public void addFault(Map<String, ?> rule) {
        Map<String, Object> body = new HashMap<>(rule);
        body.put("app", sdkappid);
        emulator.control("POST", "/faults", body);
    }

    /** Moves the emulator's clock until an app is deleted. All apps share it: such a test must not run beside others. */
    public void advance(Duration span) {
        emulator.advance(span);
    }

    /** Deletes the app with all that belongs to it, and sets the clock back if it was moved. The extension calls it. */
    public void delete() {
        emulator.releaseClock();
        emulator.control("DELETE", "/apps/" + sdkappid, null);
    }

    /** Leaves the key and the UserSig out. */
    @Override
    public String toString() {
        return "App[" + sdkappid + " at " + url + "]";
    }
}
