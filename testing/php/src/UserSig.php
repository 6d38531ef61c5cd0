<?php

declare(strict_types=1);

namespace Portraitd\Testing;

/** Makes UserSigs, version 2.0 (HMAC-SHA256). */
final class UserSig
{
    /** How long the UserSigs live that an app is made with, in seconds. */
    public const DEFAULT_EXPIRE = 180 * 24 * 3600;

    /** Returns a UserSig for a user, made at Unix second `$at` (now) and valid for `$expire` seconds. */
    public static function sign(
        int $sdkappid,
        string $key,
        string $user,
        int $expire = self::DEFAULT_EXPIRE,
        ?int $at = null,
    ): string {
        $at ??= time();
        $text = "TLS.identifier:$user\nTLS.sdkappid:$sdkappid\nTLS.time:$at\nTLS.expire:$expire\n";
        $document = json_encode([
            'TLS.ver' => '2.0',
            'TLS.identifier' => $user,
            'TLS.sdkappid' => $sdkappid,
            'TLS.time' => $at,
            'TLS.expire' => $expire,
            'TLS.sig' => base64_encode(hash_hmac('sha256', $text, $key, true)),
        ], JSON_THROW_ON_ERROR);
        return strtr(base64_encode((string) gzcompress($document)), '+/=', '*-_');
    }
}
