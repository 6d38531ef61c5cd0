package portraitd.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.zip.DeflaterOutputStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Makes UserSigs, version 2.0 (HMAC-SHA256). */
public final class UserSig {
    /** How long the UserSigs live that an app is made with. */
    public static final Duration DEFAULT_EXPIRE = Duration.ofDays(180);

    private UserSig() {
    }

    /** Returns a UserSig for a user, made at a time and valid from then on. */
    public static String sign(long sdkappid, String key, String user, Instant at, Duration expire) {
        long time = at.getEpochSecond();
        String text = "TLS.identifier:" + user + "\nTLS.sdkappid:" + sdkappid + "\nTLS.time:" + time + "\nTLS.expire:"
                + expire.toSeconds() + "\n";
        Map<String, Object> document = Map.of("TLS.ver", "2.0", "TLS.identifier", user, "TLS.sdkappid", sdkappid, "TLS.time", time,
                "TLS.expire", expire.toSeconds(), "TLS.sig", Base64.getEncoder().encodeToString(mac(key, text)));
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (DeflaterOutputStream deflater = new DeflaterOutputStream(packed)) {
            deflater.write(Json.write(document).getBytes(StandardCharsets.UTF_8));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        String base64 = Base64.getEncoder().encodeToString(packed.toByteArray());
        return base64.replace('+', '*').replace('/', '-').replace('=', '_');
    }

    private static byte[] mac(String key, String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException error) {
            throw new IllegalStateException(error);
        }
    }
}
